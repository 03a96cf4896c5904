// One of the instances of fleet.redis.test.ts: caches companies in its memory, invalidates them, is cut off, comes back.

import { setTimeout as sleep } from "node:timers/promises";
import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { serveWorker } from "@crm/testkit";
import { Redis } from "ioredis";
import { createCacheInvalidator } from "../../src/index.ts";

/** Where the cache is: options of `redisStore`. A single server has a `url`; the control and the floor need one. */
const [target = "{}", sourceUrl = "", records = "0"] = process.argv.slice(2);
const cacheUrl: string | undefined = JSON.parse(target).url;
const store = redisStore({ ...JSON.parse(target), commandTimeout: "2s", invalidationTimeout: "10s" });
const cache = createCache({ store, namespace: "fleet", memory: { maxEntries: 10_000, ttl: "10m" } });
const invalidator = createCacheInvalidator(cache, {
  // As the precise rules: more than one step an invalidation, so its record goes ahead of the removal.
  rules: { companies: { patterns: ["companies:{id}", "companies:{id}:*"] } },
  history: { maxRecords: Number(records), tracedKeys: 0 },
});
const BUS = cache.internals.keys.bus;
/** The database, on a server that nobody cuts. */
const source = new Redis(sourceUrl);

/** The control: an in-process copy that hears of invalidations by pub/sub alone. */
const copy = new Map<string, string>();
const outside = new Redis(cacheUrl ?? sourceUrl, { retryStrategy: () => 50 });
outside.on("error", () => {});
outside.on("message", (_, text) => {
  for (const { entityId } of JSON.parse(text).events) copy.delete(String(entityId));
});
await outside.subscribe("fleet:1:cache:invalidation").catch(() => {});

const read = (id: string): Promise<string> =>
  cache.getOrSet(`companies:${id}`, async () => (await source.hget("rows", id)) ?? "0", "1h");

async function l1() {
  const { l1 } = await cache.getStats();
  if (l1 === null) throw new Error("The in-process tier is off");
  return l1;
}

serveWorker({
  /** Reads everything into memory. */
  async fill(ids: string[]): Promise<void> {
    await Promise.all([cache.ready(), invalidator.ready()]);
    while (!(await l1()).coherent) await sleep(10);
    for (const id of ids) copy.set(id, await read(id));
    await Promise.all(ids.map(read));
  },
  /** Writes rows and invalidates them. Resolves to how many were acknowledged. */
  async change({ ids, times }: { ids: string[]; times: number }): Promise<number> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < times) {
        const id = ids[next++ % ids.length] as string;
        await source.hincrby("rows", id, 1);
        await invalidator.invalidateOnUpdate("companies", id, undefined, { actor: `worker-${process.pid}` });
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    return times;
  },
  /**
   * From the moment of healing on: reads everything 50 times a second, and looks as often whether the memory answers again and
   * the last invalidation is in the history. Every answer is compared with the source, which stands still. More often would
   * measure this test: there are ten such processes, and the server tells its figures each time that one looks.
   */
  async catchUp({ ids, last, timeoutMs }: { ids: string[]; last: string; timeoutMs: number }) {
    const truth = await source.hgetall("rows");
    const began = performance.now();
    const cpu = process.cpuUsage();
    const result = { caughtUpMs: Number.NaN, reads: 0, stale: 0 };
    const check = async (id: string): Promise<void> => {
      if ((await read(id)) !== (truth[id] ?? "0")) result.stale++;
      result.reads++;
    };
    let over = false;
    const reading = (async () => {
      while (!over) {
        await Promise.all(ids.map(check));
        await sleep(20);
      }
    })();
    while (performance.now() - began < timeoutMs) {
      if ((await l1()).coherent && invalidator.getHistory(50).some(({ unit }) => unit === last)) {
        result.caughtUpMs = performance.now() - began;
        const used = process.cpuUsage(cpu);
        Object.assign(result, {
          cpuMs: Math.round((used.user + used.system) / 1000),
          readsThen: result.reads,
        });
        break;
      }
      await sleep(20);
    }
    over = true;
    await reading;
    await Promise.all(ids.map(check));
    const staleCopies = [...copy].filter(([id, value]) => value !== (truth[id] ?? "0")).length;
    return { ...result, staleCopies, flushes: (await l1()).flushes };
  },
  /** The floor: a client without a cache reads the same messages, and does nothing with them. */
  async readBare(last: string): Promise<{ ms: number; messages: number }> {
    const client = new Redis(cacheUrl as string);
    await client.ping();
    const began = performance.now();
    let messages = 0;
    for (let cursor = "0-0"; cursor !== last; ) {
      const reply = await client.xread("COUNT", 1_000, "BLOCK", 1_000, "STREAMS", BUS, cursor);
      const entries = reply?.[0]?.[1] ?? [];
      messages += entries.length;
      cursor = entries.at(-1)?.[0] ?? last;
    }
    const ms = performance.now() - began;
    client.disconnect();
    return { ms, messages };
  },
  async endOfBus(): Promise<string | undefined> {
    const client = new Redis(cacheUrl as string);
    const [end] = await client.xrevrange(BUS, "+", "-", "COUNT", 1);
    client.disconnect();
    return end?.[0];
  },
  /** How many of these the memory answers by itself. */
  async fromMemory(ids: string[]): Promise<number> {
    const before = (await l1()).hits;
    for (const id of ids) await read(id);
    return (await l1()).hits - before;
  },
  async newest(): Promise<string | undefined> {
    return (await invalidator.queryHistory({ limit: 1 }))[0]?.unit;
  },
});
