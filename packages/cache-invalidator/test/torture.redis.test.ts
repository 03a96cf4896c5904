// Promise 1 through the invalidator: four processes read through and two of them write and invalidate, by the rules of the
// CRM or by dependencies, while the Redis behind a proxy is cut off and restarted at random. A read that began after an
// invalidation was acknowledged must not see an older version. TORTURE_MS sets how long each arm runs.

import { setTimeout as sleep } from "node:timers/promises";
import {
  type FaultProxy,
  type RedisServer,
  seededRandom,
  spawnWorker,
  startClusterProxies,
  startFaultProxy,
  startRedis,
  startRedisCluster,
  waitFor,
} from "@crm/testkit";
import { expect, it } from "vitest";

const MS = Number(process.env.TORTURE_MS ?? 4_500);
const SEED = process.env.TORTURE_SEED ?? "2026-11-25";
const WORKER = new URL("./workers/torture-worker.ts", import.meta.url);

interface Tally {
  reads: number;
  stale: string[];
  acknowledged: number;
  pending: number;
}

/** What is cut off and restarted: a server, or one node of a Cluster at a time. */
interface Sick extends AsyncDisposable {
  /** Options of `redisStore`. */
  readonly target: object;
  readonly servers: readonly RedisServer[];
  readonly proxies: readonly FaultProxy[];
  /** Ms of health after a fault, and after a restart. */
  readonly healthMs: { readonly always: number; readonly restart: number };
}

async function oneServer(): Promise<Sick> {
  const redis = await startRedis({ persist: true });
  const proxy = await startFaultProxy({ target: redis });
  return {
    target: { url: `redis://${proxy.host}:${proxy.port}` },
    servers: [redis],
    proxies: [proxy],
    healthMs: { always: 400, restart: 400 },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await redis.stop();
    },
  };
}

async function clusterOfThree(): Promise<Sick> {
  // A node that is away for a moment is not given up: what it holds has no other copy.
  const cluster = await startRedisCluster({ persist: true, nodeTimeoutMs: 20_000 });
  const { proxies, startupNodes, natMap, close } = await startClusterProxies(cluster);
  return {
    target: { nodes: startupNodes, clusterOptions: { natMap } },
    servers: cluster.nodes,
    proxies,
    // A primary that comes back takes no writes for two seconds, and an invalidation by pattern needs all three.
    healthMs: { always: 700, restart: 3_000 },
    async [Symbol.asyncDispose]() {
      await close();
      await cluster.stop();
    },
  };
}

async function torture(
  mode: "rules" | "dependencies" | "plain",
  faults: boolean,
  start: () => Promise<Sick> = oneServer,
): Promise<Tally> {
  await using sick = await start();
  await using source = await startRedis({ control: true });
  const { target, servers, proxies, healthMs } = sick;
  const args = [mode, JSON.stringify(target), source.url];
  const workers = await Promise.all(Array.from({ length: 4 }, () => spawnWorker(WORKER, { args })));
  try {
    const random = seededRandom(`${SEED}/${mode}`);
    let over = false;
    const running = Promise.all(
      workers.map((worker, i) => worker.call<Tally>("run", { ms: MS, writer: i < 2 })),
    ).finally(() => {
      over = true;
    });
    let pauseMs = healthMs.always;
    while (faults && !over) {
      await sleep(pauseMs + random.int(0, 500));
      const fault = random.pick(["cut", "blackHole", "restart"] as const);
      pauseMs = fault === "restart" ? healthMs.restart : healthMs.always;
      const at = random.int(0, servers.length - 1);
      if (fault === "restart") await servers[at]?.restart();
      else {
        await proxies[at]?.[fault]();
        await sleep(random.int(50, 600));
        await proxies[at]?.heal();
      }
    }
    const tallies = await running;
    for (const proxy of proxies) await proxy.heal();
    await waitFor(
      async () =>
        (await Promise.all(workers.map((worker) => worker.call<boolean>("settled")))).every(Boolean),
      {
        timeoutMs: 15_000,
        description: "the end of what was pending",
      },
    );
    const left = (await Promise.all(workers.map((worker) => worker.call<string[]>("inspect")))).flat();
    const sum = tallies.reduce((all, each) => ({
      reads: all.reads + each.reads,
      stale: [...all.stale, ...each.stale],
      acknowledged: all.acknowledged + each.acknowledged,
      pending: all.pending + each.pending,
    }));
    const result = { ...sum, stale: [...sum.stale, ...left] };
    if (process.env.TORTURE_REPORT !== undefined) {
      process.stderr.write(`${JSON.stringify({ mode, ms: MS, ...result, stale: result.stale.length })}\n`);
    }
    return result;
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

it.each(["rules", "dependencies"] as const)(
  `0 stale reads after acknowledgement by %s, Redis cut and restarted at random (seed ${SEED})`,
  async (mode) => {
    const { stale, reads, acknowledged, pending } = await torture(mode, true);
    expect(stale).toEqual([]);
    expect(reads).toBeGreaterThan(MS / 10);
    expect(acknowledged).toBeGreaterThan(10);
    // The faults were felt.
    expect(pending).toBeGreaterThan(0);
  },
  MS + 90_000,
);

it(
  `0 stale reads on a Cluster of three, one node cut and restarted at a time (seed ${SEED})`,
  async () => {
    const { stale, reads, acknowledged, pending } = await torture("rules", true, clusterOfThree);
    expect(stale).toEqual([]);
    expect(reads).toBeGreaterThan(MS / 10);
    expect(acknowledged).toBeGreaterThan(3);
    expect(pending).toBeGreaterThan(0);
  },
  MS + 90_000,
);

it(
  "the control, get → fetch → set and del, serves stale rows in the same run without any fault",
  async () => {
    const { stale } = await torture("plain", false);
    expect(stale.length).toBeGreaterThan(0);
  },
  MS + 90_000,
);
