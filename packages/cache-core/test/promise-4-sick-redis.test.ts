// Promise 4: a sick Redis never hangs a request. Each sickness is tried on a single server and on a Cluster, from the
// first call on. `PROMISE_FIGURES=1` writes the measured figures to docs/measurements/promise-4.md.

import "@crm/testkit/setup-guards";
import { mkdir, writeFile } from "node:fs/promises";
import {
  type FaultProxy,
  percentile,
  type RedisServer,
  spawnWorker,
  startClusterProxies,
  startFaultProxy,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  waitFor,
} from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { type Cache, createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";
import { coldReads, costs, settleAll, until } from "./workers/load.ts";

const FULL = process.env.PROMISE_FULL === "1";
const CALLS = FULL ? 400 : 200;

/** One server, or a Cluster, with the ways to harm it. */
interface Patient {
  /** A cache whose connections the sickness befalls. */
  cache(): Cache;
  /** One that sees the servers themselves. */
  witness(): Cache;
  close(): Promise<void>;
}

interface Sickness {
  readonly name: string;
  /** What it takes beforehand, while all is well. */
  readonly prepare?: () => Promise<unknown>;
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
  /** The server goes on answering reads. */
  readonly reads?: boolean;
  /** Connections are closed, so that nobody has to find out by waiting. */
  readonly noticed?: boolean;
  /** How long the server itself needs until it can serve again, beyond which the cache has a second. */
  readonly ready?: () => Promise<unknown>;
}

interface Figures {
  sickness: string;
  sequential: number;
  concurrent: number;
  sameKey: number;
  inProcess: number;
  stale: number;
  slowestCall: number;
  back: number;
}

const table: Figures[] = [];
const round = (ms: number): number => Math.round(ms * 10) / 10;
const p99 = (values: number[]): number => round(percentile(values, 99));

/** What `loading` needs of a server: snapshots that can be read slowly, with commands looked at meanwhile. */
const LOADABLE = {
  "enable-debug-command": "yes",
  rdbcompression: "no",
  "loading-process-events-interval-bytes": 1_024,
} as const;
const LOADED_KEYS = 25_000;

/** Servers that load a big snapshot, as after a restart: every command is refused with LOADING. */
function loading(servers: readonly RedisServer[]): Sickness {
  let admins: { readonly admin: Redis; readonly loaded: Promise<unknown> }[] = [];
  async function begin(server: RedisServer): Promise<void> {
    const [admin, loader] = [await server.client(), await server.client()];
    // About 1 ms a key, which ends when the sickness does.
    await admin.config("SET", "key-load-delay", 1_000);
    admins.push({ admin, loaded: loader.call("DEBUG", "RELOAD").finally(() => loader.disconnect()) });
    const isLoading = (): Promise<boolean> =>
      admin.ping().then(
        () => false,
        (error: Error) => error.message.startsWith("LOADING"),
      );
    await waitFor(isLoading, { timeoutMs: 5_000 });
  }
  async function end(): Promise<void> {
    const all = admins;
    admins = [];
    await Promise.all(all.map(({ admin }) => admin.config("SET", "key-load-delay", 0)));
    for (const { admin, loaded } of all) {
      await loaded;
      admin.disconnect();
    }
  }
  async function prepare(server: RedisServer): Promise<void> {
    const admin = await server.client();
    await admin.call("DEBUG", "POPULATE", LOADED_KEYS, "filler", 1_100);
    admin.disconnect();
  }
  const onEach = (step: (server: RedisServer) => Promise<void>) => async () =>
    void (await Promise.all(servers.map(step)));
  return { name: "loading", prepare: onEach(prepare), begin: onEach(begin), end };
}

async function standalone(): Promise<Patient & { sicknesses: Sickness[] }> {
  const redis = await startRedis({ control: true, config: LOADABLE });
  const proxy = await startFaultProxy({ target: redis });
  const admin = await redis.client();
  return {
    cache: () =>
      createCache({ store: redisStore({ url: proxy.url }), namespace: "p4", memory: { maxSilence: "1s" } }),
    witness: () => createCache({ store: redisStore({ url: redis.url }), namespace: "p4" }),
    sicknesses: [
      { name: "link cut", noticed: true, begin: () => proxy.cut(), end: () => proxy.heal() },
      { name: "black hole, packets held", begin: () => proxy.blackHole(), end: () => proxy.heal() },
      {
        name: "black hole, packets lost",
        begin: () => proxy.blackHole({ packets: "drop" }),
        end: () => proxy.heal(),
      },
      { name: "half-open", begin: () => proxy.halfOpen(), end: () => proxy.heal() },
      { name: "stopped", begin: () => redis.pause(), end: () => redis.resume() },
      {
        name: "read-only",
        reads: true,
        begin: async () => void (await admin.replicaof("127.0.0.1", 1)),
        end: async () => void (await admin.replicaof("NO", "ONE")),
      },
      {
        name: "out of memory",
        reads: true,
        begin: () => redis.configSet("maxmemory", 1),
        end: () => redis.configSet("maxmemory", 0),
      },
      loading([redis]),
      { name: "killed", noticed: true, begin: () => redis.kill(), end: () => redis.restart() },
    ],
    async close() {
      await proxy.close();
      await redis.stop();
    },
  };
}

async function cluster(): Promise<Patient & { sicknesses: Sickness[] }> {
  const nodes = await startRedisCluster({ nodeTimeoutMs: 20_000, config: LOADABLE });
  const { proxies, startupNodes, natMap, heal, close } = await startClusterProxies(nodes);
  const [first] = nodes.nodes as [RedisServer];
  const all = (act: (server: RedisServer) => Promise<void>) => async () =>
    void (await Promise.all(nodes.nodes.map(act)));
  return {
    cache: () =>
      createCache({
        store: redisStore({ nodes: startupNodes, clusterOptions: { natMap } }),
        namespace: "p4",
        memory: { maxSilence: "1s" },
      }),
    witness: () => createCache({ store: redisStore({ nodes: nodes.startupNodes }), namespace: "p4" }),
    sicknesses: [
      {
        name: "links cut",
        noticed: true,
        begin: async () => void (await Promise.all(proxies.map((proxy) => proxy.cut()))),
        end: heal,
      },
      { name: "black hole", begin: () => proxies.forEach((proxy) => void proxy.blackHole()), end: heal },
      {
        name: "black hole, packets lost",
        begin: () => proxies.forEach((proxy) => void proxy.blackHole({ packets: "drop" })),
        end: heal,
      },
      { name: "half-open", begin: () => proxies.forEach((proxy) => void proxy.halfOpen()), end: heal },
      { name: "one node behind a black hole", begin: () => proxies[1]?.blackHole(), end: heal },
      { name: "stopped", begin: all((node) => node.pause()), end: all((node) => node.resume()) },
      { name: "one node stopped", begin: () => first.pause(), end: () => first.resume() },
      {
        name: "out of memory",
        reads: true,
        begin: all((node) => node.configSet("maxmemory", 1)),
        end: all((node) => node.configSet("maxmemory", 0)),
      },
      loading(nodes.nodes),
      {
        name: "one node killed",
        noticed: true,
        begin: () => first.kill(),
        end: () => first.restart({ keepData: false }),
        ready: () => nodes.ready(),
      },
    ],
    async close() {
      await close();
      await nodes.stop();
    },
  };
}

for (const [topology, start] of [
  ["standalone", standalone],
  ["cluster", cluster],
] as const) {
  describe(topology, async () => {
    const patient = await start();
    afterAll(() => patient.close());

    for (const sickness of patient.sicknesses) {
      test(`${sickness.name}: bounded cost from the first call on, nothing lost, back within a second`, async () => {
        await inTime(async (attempt) => {
          const cache = patient.cache();
          const witness = patient.witness();
          try {
            return await run(`${topology}/${sickness.name}`, attempt, sickness, cache, witness);
          } finally {
            await sickness.end();
            await cache.close();
            await witness.close();
          }
        });
      }, 60_000);
    }
  });
}

/** A duration that was measured, and what was promised, in ms. */
type Bound = readonly [what: string, measured: number, promised: number];

/**
 * Durations are measured anew, up to twice, when one is too long: what the machine does meanwhile makes them longer and never
 * shorter. Everything else is expected of each attempt. All are printed.
 */
async function inTime(measure: (attempt: number) => Promise<readonly Bound[]>): Promise<void> {
  for (const attempt of [1, 2, 3]) {
    const late = (await measure(attempt)).filter(([, measured, promised]) => !(measured <= promised));
    if (late.length === 0) return;
    const told = late
      .map(([what, measured, promised]) => `${what}: ${measured} of ${promised} ms`)
      .join(", ");
    process.stdout.write(`${expect.getState().currentTestName}, attempt ${attempt}: ${told}\n`);
    if (attempt === 3) expect.fail(told);
  }
}

async function run(
  row: string,
  attempt: number,
  sickness: Sickness,
  cache: Cache,
  witness: Cache,
): Promise<Bound[]> {
  const label = `${row}/${attempt}`;
  await sickness.prepare?.();
  const applied = new Set<string>();
  cache.on("invalidation:applied", ({ keys }) => {
    for (const key of keys) applied.add(key);
  });
  // Well: everything works, and the tier answers.
  expect(await until(() => cache.set(`warm:${label}`, "warm", "60s"), 5_000)).toBeLessThan(5_000);
  const old = { [`gone:${label}`]: "old", [`set:${label}`]: "old", [`many:${label}`]: "old" };
  for (const [key, value] of Object.entries(old)) expect(await cache.set(key, value, "60s")).toBe(true);
  await cache.set(`tagged:${label}`, "old", { ttl: "60s", tags: [`tag:${label}`] });
  await cache.set(`pattern:${label}:1`, "old", "60s");
  await cache.set(`stale:${label}`, "stale", { ttl: "1ms", staleTtl: "60s" });
  await coldReads(cache, { calls: 50, parallel: 10, label: `${label}:well` });
  const inTier = async (): Promise<boolean> => {
    const before = (await cache.getStats()).l1?.hits ?? 0;
    await cache.get(`warm:${label}`);
    return ((await cache.getStats()).l1?.hits ?? 0) > before;
  };
  // The link of a tier to a Cluster may take some tries of its client; how long is not what is measured here.
  expect(await until(inTier, 10_000)).toBeLessThan(10_000);
  // Reads under way when it begins: their answers must not come later than those of others.
  const traffic = coldReads(cache, { calls: 150, parallel: 15, label: `${label}:during`, fetchMs: 20 });
  traffic.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 15));

  await sickness.begin();

  let silent = 0;
  const inProcess = await costs(100, async () => {
    // Where the link to the bus is closed with a word, the tier is silent at once.
    const value = await cache.get(`warm:${label}`);
    if (value === null && sickness.noticed !== true) silent++;
    else expect([null, "warm"]).toContain(value);
  });
  expect(silent, "the tier answers as long as its link may be alive").toBe(0);
  const during = await traffic;
  const sequential = await coldReads(cache, { calls: CALLS, parallel: 1, label: `${label}:a`, fetchMs: 2 });
  const concurrent = await coldReads(cache, {
    calls: 2 * CALLS,
    parallel: 50,
    label: `${label}:b`,
    fetchMs: 10,
  });
  const sameKey = await coldReads(cache, {
    calls: 2 * CALLS,
    parallel: 50,
    label: `${label}:c`,
    sameKey: true,
    fetchMs: 10,
  });
  const stale = await costs(200, async () => {
    const value = await cache.getOrSet(`stale:${label}`, () => "new", { ttl: "1ms", staleTtl: "60s" });
    expect(["stale", "new"]).toContain(value);
  });
  const ends = await settleAll(cache, label);
  const slowest = Math.max(...Object.values(ends).map(({ ms }) => ms));
  const wholly = !row.startsWith("cluster") || !sickness.name.startsWith("one node");
  if (wholly && !sickness.name.startsWith("out of memory")) {
    expect(ends.del?.end).toBe("INVALIDATION_PENDING");
    expect(ends.invalidateByTag?.end).toBe("INVALIDATION_PENDING");
    expect(ends.invalidatePattern?.end).toBe("INVALIDATION_PENDING");
    // Until they are applied this process treats what they cover as missing.
    for (const key of [`gone:${label}`, `tagged:${label}`, `pattern:${label}:1`, `set:${label}`]) {
      expect(await cache.get(key), key).toBeNull();
    }
  }
  expect(await cache.get(`gone:${label}`)).toBeNull();

  await sickness.end();
  await sickness.ready?.();

  const back = await until(async () => {
    const key = `back:${label}:${Math.random()}`;
    return (await cache.set(key, "back", "5s")) && (await witness.get(key)) === "back";
  }, 15_000);
  const settled = await until(async () => (await cache.getStats()).pendingInvalidations === 0, 5_000);
  for (const key of [...Object.keys(old), `tagged:${label}`, `pattern:${label}:1`]) {
    const value = await witness.get(key);
    expect(value === null || value === "late" || value === 1, `${key} is ${JSON.stringify(value)}`).toBe(
      true,
    );
  }
  // The keys that were cold while it was sick are filled as ever.
  const after = await coldReads(cache, { calls: 150, parallel: 15, label: `${label}:during`, fetchMs: 5 });
  await cache.set(`warm:${label}`, "warm", "60s");
  const again = await until(inTier, 5_000);
  const figures: Figures = {
    sickness: row,
    sequential: p99(sequential.overheads),
    concurrent: p99(concurrent.overheads),
    sameKey: p99(sameKey.overheads),
    inProcess: p99(inProcess),
    stale: p99(stale),
    slowestCall: round(slowest),
    back: round(Math.max(back, settled)),
  };
  table.push(figures);
  if (process.env.PROMISE_PRINT) {
    process.stdout.write(
      `${JSON.stringify({ ...figures, during: p99(during.overheads), after: p99(after.overheads), again: round(again), first: round(sequential.overheads[0] ?? 0) })}\n${process.env.PROMISE_PRINT === "2" ? `${JSON.stringify(ends)}\n` : ""}`,
    );
  }
  return [
    ["cold reads under way when it began", p99(during.overheads), 60],
    ["cold reads, one after the other", figures.sequential, 60],
    ["cold reads, 50 at once", figures.concurrent, 60],
    ["cold reads of one key, 50 at once", figures.sameKey, 60],
    ["in-process hits", figures.inProcess, 5],
    ...(sickness.reads ? [["stale hits", figures.stale, 5] as const] : []),
    [`slowest call of ${JSON.stringify(ends)}`, figures.slowestCall, 600],
    ["back to normal", figures.back, 1_000],
    ["cold reads after it", p99(after.overheads), 60],
    ["in-process hits after it", round(again), 2_500],
  ];
}

describe("a fresh process", () => {
  test("Redis absent: bounded from the first call, and served by it as soon as it is there", async () => {
    await inTime(async () => {
      const redis = await startRedis({ control: true });
      await redis.kill();
      const bounds = await freshProcess("absent at boot", redis.url, () => redis.restart());
      await redis.stop();
      return bounds;
    });
  });

  for (const packets of ["hold", "drop"] as const) {
    test(`Redis behind a black hole (${packets}): bounded from the first call`, async () => {
      await inTime(async () => {
        const redis = await startRedis({ control: true });
        const proxy = await startFaultProxy({ target: redis });
        proxy.blackHole({ packets });
        const bounds = await freshProcess(`black hole at boot (${packets})`, proxy.url, () => proxy.heal());
        await proxy.close();
        await redis.stop();
        return bounds;
      });
    });
  }

  test("half-open: bounded from the first call", async () => {
    await inTime(async () => {
      const redis = await startRedis({ control: true });
      const proxy = await startFaultProxy({ target: redis });
      proxy.halfOpen();
      const bounds = await freshProcess("half-open at boot", proxy.url, () => proxy.heal());
      await proxy.close();
      await redis.stop();
      return bounds;
    });
  });

  test("stopped: bounded from the first call", async () => {
    await inTime(async () => {
      const redis = await startRedis({ control: true });
      await redis.pause();
      const bounds = await freshProcess("stopped at boot", redis.url, () => redis.resume());
      await redis.stop();
      return bounds;
    });
  });

  async function freshProcess(name: string, url: string, recover: () => Promise<void>): Promise<Bound[]> {
    await using worker = await spawnWorker(new URL("./workers/fresh-process.ts", import.meta.url), {
      args: [url],
    });
    const { sequential, concurrent, sameKey, ends } = await worker.call<{
      sequential: number[];
      concurrent: number[];
      sameKey: number[];
      ends: Record<string, { ms: number; end: string }>;
    }>("coldReads");
    await recover();
    const back = await worker.call<number>("backAfter");
    const slowest = Math.max(...Object.values(ends).map(({ ms }) => ms));
    const figures: Figures = {
      sickness: `standalone/${name}`,
      sequential: p99(sequential),
      concurrent: p99(concurrent),
      sameKey: p99(sameKey),
      inProcess: Number.NaN,
      stale: Number.NaN,
      slowestCall: round(slowest),
      back: round(back),
    };
    table.push(figures);
    if (process.env.PROMISE_PRINT)
      process.stdout.write(
        `${JSON.stringify({ ...figures, first: sequential[0], second: sequential[1] })}\n`,
      );
    expect(await worker.call("rejections")).toEqual([]);
    const exit = await worker.stop();
    expect(exit).toMatchObject({ signal: null, stderr: "" });
    return [
      ["the very first call", round(sequential[0] ?? Number.NaN), 100],
      ["cold reads, one after the other", figures.sequential, 60],
      ["cold reads, 50 at once", figures.concurrent, 60],
      ["cold reads of one key, 50 at once", figures.sameKey, 60],
      [`slowest call of ${JSON.stringify(ends)}`, figures.slowestCall, 600],
      ["back to normal", figures.back, 1_000],
    ];
  }
});

describe("answers", () => {
  const say: [name: string, lua: string, isRight: (reply: unknown, id: string) => boolean][] = [
    ["first", "return {ARGV[1], 7} -- KEYS: any", (reply, id) => String((reply as unknown[])?.[0]) === id],
    ["second", "return {1, ARGV[1]} -- KEYS: any", (reply, id) => String((reply as unknown[])?.[1]) === id],
  ];
  for (const topology of ["standalone", "cluster"] as const) {
    test(`nobody ever gets the answer to another's question (${topology})`, async () => {
      const servers =
        topology === "cluster"
          ? await startRedisCluster({ nodeTimeoutMs: 20_000 })
          : await startRedis({ control: true });
      const nodes = "nodes" in servers ? servers : { nodes: [servers] };
      const { proxies, startupNodes, natMap, heal, close } = await startClusterProxies(nodes);
      const store = redisStore(
        topology === "cluster"
          ? { nodes: startupNodes, clusterOptions: { natMap } }
          : { url: (proxies[0] as FaultProxy).url },
      );
      await store.ready();
      let ending = false;
      let right = 0;
      const wrong: string[] = [];
      const askers = Array.from({ length: 60 }, async (_, n) => {
        for (let i = 0; !ending; i++) {
          const key = `nothing{t${(n + i) % 16}}`;
          const id = `${n}:${i}`;
          const [name, lua, isRight] = say[i % 2] as (typeof say)[number];
          try {
            const reply =
              i % 3 === 0 ? await store.get(key) : await store.run({ name, lua, run: () => 0 }, [key], [id]);
            if (i % 3 === 0 ? reply === null : isRight(reply, id)) right++;
            else wrong.push(`${name} ${id}: ${JSON.stringify(reply)}`);
          } catch {
            // Sick: that is allowed.
          }
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
        }
      });
      const faults = ["hold", "drop", "half-open", "cut"] as const;
      for (let round = 0; round < (FULL ? 32 : 8); round++) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        const fault = faults[Math.floor(round / 2) % 4] as (typeof faults)[number];
        for (const proxy of round % 2 ? proxies : [proxies[round % proxies.length] as FaultProxy]) {
          if (fault === "cut") await proxy.cut();
          else if (fault === "half-open") proxy.halfOpen();
          else proxy.blackHole({ packets: fault });
        }
        await new Promise((resolve) => setTimeout(resolve, 900));
        await heal();
      }
      ending = true;
      await Promise.all(askers);
      await store.close();
      await close();
      await servers.stop();
      if (process.env.PROMISE_PRINT)
        process.stdout.write(`${JSON.stringify({ topology, right, wrong: wrong.length })}\n`);
      expect(wrong.slice(0, 5), `${wrong.length} of ${right + wrong.length}`).toEqual([]);
      expect(right).toBeGreaterThan(1_000);
    }, 120_000);
  }
});

test("Sentinel: after the election the new primary is used, without a restart", async () => {
  await inTime(async () => {
    await using sentinel = await startRedisSentinel();
    const sentinels = [...sentinel.sentinelAddresses];
    const cache = createCache({
      store: redisStore({ sentinels, name: sentinel.name }),
      namespace: "p4",
      memory: true,
    });
    expect(await until(() => cache.set("before", 1, "60s"), 5_000)).toBeLessThan(5_000);
    const killed = await sentinel.killPrimary();
    const sick = await coldReads(cache, { calls: 100, parallel: 10, label: "election", fetchMs: 5 });
    await sentinel.promoted(killed);
    const back = await until(() => cache.set("after", 2, "60s"), 10_000);
    if (process.env.PROMISE_PRINT)
      process.stdout.write(`${JSON.stringify({ sentinel: p99(sick.overheads), back: round(back) })}\n`);
    expect(await cache.get("after")).toBe(2);
    await cache.close();
    return [
      ["cold reads", p99(sick.overheads), 60],
      ["back to normal", round(back), 1_000],
    ];
  });
}, 60_000);

afterAll(async () => {
  if (process.env.PROMISE_FIGURES !== "1") return;
  const cell = (ms: number): string => (Number.isNaN(ms) ? "" : String(ms));
  const rows = table.map(
    (row) =>
      `| ${row.sickness} | ${[row.sequential, row.concurrent, row.sameKey, row.inProcess, row.stale, row.slowestCall, row.back].map(cell).join(" | ")} |`,
  );
  const folder = new URL("../../../docs/measurements/", import.meta.url);
  await mkdir(folder, { recursive: true });
  const lines = [
    "# Promise 4: a sick Redis never hangs a request",
    "",
    `Measured on ${new Date().toISOString().slice(0, 10)} by \`PROMISE_FIGURES=1 vitest run test/promise-4\` in`,
    "`packages/cache-core`, on a machine of two cores that other work shared. Milliseconds. The first three columns are",
    "the 99th percentile of what a cold `getOrSet` costs beyond its fetcher, from the first call on; promised are 60.",
    "In-process and stale hits are 99th percentiles; promised are 5, for stale hits where the server still answers reads.",
    "The slowest call is the slowest of one call of each kind; back is how long after the recovery writes arrive and kept",
    "invalidations are applied; promised are 1,000.",
    "",
    "| sickness | cold, one by one | cold, 50 at once | cold, one key, 50 at once | in-process | stale | slowest call | back |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
  ];
  await writeFile(new URL("promise-4.md", folder), lines.join("\n"));
});
