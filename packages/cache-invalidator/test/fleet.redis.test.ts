// Ten instances with values in memory, five of them cut off while the others invalidate. FLEET_CUT_MS and
// FLEET_INVALIDATIONS set how long and how many; the full run is 30,000 and 10,000. FLEET_REPORT prints the figures.

import { setTimeout as sleep } from "node:timers/promises";
import {
  spawnWorker,
  startClusterProxies,
  startFaultProxy,
  startRedis,
  startRedisCluster,
  type Worker,
} from "@crm/testkit";
import { expect, it } from "vitest";

const CUT_MS = Number(process.env.FLEET_CUT_MS ?? 1_500);
const INVALIDATIONS = Number(process.env.FLEET_INVALIDATIONS ?? 1_000);
const WORKER = new URL("./workers/fleet-worker.ts", import.meta.url);
const CHANGED = Array.from({ length: 50 }, (_, n) => `changed-${n}`);
const LEFT_ALONE = Array.from({ length: 50 }, (_, n) => `alone-${n}`);

interface Outcome {
  caughtUpMs: number;
  reads: number;
  stale: number;
  staleCopies: number;
  flushes: number;
  fromMemory: number;
}

/** What the instances share, directly and by a way that can be cut off: options of `redisStore`. */
interface Shared extends AsyncDisposable {
  readonly direct: object;
  readonly through: object;
  cut(): Promise<void>;
  heal(): Promise<void>;
}

async function oneServer(): Promise<Shared> {
  const redis = await startRedis({ control: true });
  const proxy = await startFaultProxy({ target: redis });
  return {
    direct: { url: redis.url },
    through: { url: proxy.url },
    cut: async () => void (await proxy.cut()),
    heal: async () => void (await proxy.heal()),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await redis.stop();
    },
  };
}

async function clusterOfThree(): Promise<Shared> {
  const cluster = await startRedisCluster();
  const { proxies, startupNodes, natMap, heal, close } = await startClusterProxies(cluster);
  return {
    direct: { nodes: cluster.startupNodes },
    through: { nodes: startupNodes, clusterOptions: { natMap } },
    cut: async () => void (await Promise.all(proxies.map((proxy) => proxy.cut()))),
    heal,
    async [Symbol.asyncDispose]() {
      await close();
      await cluster.stop();
    },
  };
}

/** Resolves to what the instances that were cut off report. */
async function fleet(
  size: number,
  records: number,
  invalidations: number,
  cutMs: number,
  start: () => Promise<Shared> = oneServer,
): Promise<Outcome[]> {
  await using shared = await start();
  await using source = await startRedis({ control: true });
  const spawn = (target: object): Promise<Worker> =>
    spawnWorker(WORKER, { args: [JSON.stringify(target), source.url, String(records)] });
  const cut = await Promise.all(Array.from({ length: size / 2 }, () => spawn(shared.through)));
  const others = await Promise.all(Array.from({ length: size / 2 }, () => spawn(shared.direct)));
  const all = [...cut, ...others];
  try {
    const ids = [...CHANGED, ...LEFT_ALONE];
    // A stream that is still empty has no place to go on from.
    await (others[0] as Worker).call("change", { ids: CHANGED, times: CHANGED.length });
    await Promise.all(all.map((worker) => worker.call("fill", ids)));
    const answered = await Promise.all(all.map((worker) => worker.call<number>("fromMemory", ids)));
    expect(answered, "everything is in memory").toEqual(all.map(() => ids.length));
    const since = performance.now();
    await shared.cut();
    const each = Math.ceil(invalidations / others.length);
    const acknowledged = await Promise.all(
      others.map((worker) => worker.call<number>("change", { ids: CHANGED, times: each })),
    );
    expect(acknowledged).toEqual(others.map(() => each));
    const changedInMs = performance.now() - since;
    await sleep(Math.max(0, cutMs - changedInMs));
    const last = await (others[0] as Worker).call<string>("newest");
    const cutForMs = performance.now() - since;
    await shared.heal();
    const outcomes = await Promise.all(
      cut.map(async (worker) => {
        const caught = await worker.call<Omit<Outcome, "fromMemory">>("catchUp", {
          ids,
          last,
          timeoutMs: 20_000,
        });
        return { ...caught, fromMemory: await worker.call<number>("fromMemory", ids) };
      }),
    );
    if (process.env.FLEET_REPORT !== undefined && start === oneServer) {
      const end = await (others[0] as Worker).call<string>("endOfBus");
      const bare = await Promise.all(cut.map((worker) => worker.call("readBare", end)));
      const done = each * others.length;
      const report = { size, records, invalidations: done, changedInMs, cutForMs, outcomes, bare };
      process.stderr.write(`${JSON.stringify(report)}\n`);
    }
    return outcomes;
  } finally {
    await Promise.all(all.map((worker) => worker.stop()));
  }
}

it(
  `10 instances, 5 of them cut off for ${CUT_MS} ms and ${INVALIDATIONS} invalidations: caught up within 2 s, 0 stale, nothing flushed`,
  async () => {
    let outcomes: Outcome[] = [];
    // A duration that misses is measured again: the machine may have had other work. Nothing else is.
    for (let attempt = 0; attempt < 3; attempt++) {
      outcomes = [...(await fleet(10, INVALIDATIONS + 1_000, INVALIDATIONS, CUT_MS)), ...outcomes];
      if (outcomes.slice(0, 5).every(({ caughtUpMs }) => caughtUpMs < 2_000)) break;
    }
    for (const { caughtUpMs } of outcomes.slice(0, 5)) expect(caughtUpMs).toBeLessThan(2_000);
    for (const { reads, stale, staleCopies, flushes, fromMemory } of outcomes) {
      expect(stale).toBe(0);
      expect(reads).toBeGreaterThan(0);
      expect(flushes).toBe(0);
      expect(fromMemory).toBe(CHANGED.length + LEFT_ALONE.length);
      // The control in the same run: who listens to the channel alone keeps what it missed.
      expect(staleCopies).toBe(CHANGED.length);
    }
  },
  3 * (CUT_MS + INVALIDATIONS * 20 + 60_000),
);

it("the same on a Cluster of three", async () => {
  for (const { stale, flushes, fromMemory, reads } of await fleet(4, 1_000, 200, 1_000, clusterOfThree)) {
    expect(stale).toBe(0);
    expect(reads).toBeGreaterThan(0);
    expect(flushes).toBe(0);
    expect(fromMemory).toBe(CHANGED.length + LEFT_ALONE.length);
  }
}, 90_000);

it("a gap past what the stream retains leads to one counted flush, and 0 stale", async () => {
  // The bus keeps 1,000 messages at least, and an invalidation is two.
  for (const { caughtUpMs, stale, flushes } of await fleet(4, 1, 800, 500)) {
    expect(stale).toBe(0);
    expect(flushes).toBe(1);
    expect(caughtUpMs).toBeLessThan(2_000);
  }
}, 60_000);
