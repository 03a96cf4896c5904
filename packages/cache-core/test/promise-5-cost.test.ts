// Promise 5: cost follows the work. `PROMISE_FULL=1` adds a namespace of a million keys.

import "@crm/testkit/setup-guards";
import {
  type CommandStats,
  commandStats,
  percentile,
  type RedisServer,
  startRedis,
  waitFor,
} from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cache, createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const FULL = process.env.PROMISE_FULL === "1";

let redis: RedisServer;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedis({ control: true });
  admin = await redis.client();
});
afterAll(() => redis?.stop());

/** Commands that clients sent: what scripts call is counted by the server, too, and left out here. */
async function sent(work: () => Promise<unknown>): Promise<Record<string, number>> {
  // A script's calls are told from a client's by MONITOR, which marks them.
  const monitor = await admin.duplicate().monitor();
  const counts: Record<string, number> = {};
  monitor.on("monitor", (_time: string, args: string[], source: string) => {
    if (source === "lua") return;
    const name = (args[0] as string).toLowerCase();
    counts[name] = (counts[name] ?? 0) + 1;
  });
  await work();
  await admin.ping("end");
  await waitFor(() => counts.ping !== undefined);
  monitor.disconnect();
  delete counts.ping;
  return counts;
}

const FORBIDDEN = ["keys", "scan", "sscan", "hscan", "zscan"];

describe("commands of each operation", () => {
  let cache: Cache;
  let all: CommandStats;
  beforeAll(async () => {
    await admin.flushall();
    await admin.set("foreign", "1");
    cache = createCache({
      store: redisStore({ url: redis.url, commandTimeout: "1s", invalidationTimeout: "5s" }),
      namespace: "p5",
    });
    await cache.ready();
    // The first invalidation of a namespace that is new on a server with other keys looks once whether it is whole.
    await cache.set("first", 1, { tags: ["t"] });
    await cache.invalidatePattern("first:*");
    await new Promise((resolve) => setTimeout(resolve, 300));
    all = await commandStats(admin);
  });
  afterAll(() => cache?.close());

  /** The clock of the server is read now and then, and writes clean up now and then: scripts on top, so many at most. */
  function scripts(counts: Record<string, number>): number {
    return (counts.evalsha ?? 0) + (counts.eval ?? 0);
  }

  test("a hit is exactly one GET", async () => {
    await cache.set("hit", { a: 1 });
    const counts = await sent(async () => {
      for (let i = 0; i < 500; i++) await cache.get("hit");
      for (let i = 0; i < 500; i++) await cache.getOrSet("hit", () => 1);
    });
    const { get, ...others } = counts;
    expect(get).toBe(1_000);
    // The server's clock, once in five seconds.
    expect(scripts(others)).toBeLessThanOrEqual(2);
    expect(Object.keys(others).filter((name) => !["evalsha", "eval"].includes(name))).toEqual([]);
  });

  test("an in-process hit is no command", async () => {
    const near = createCache({
      store: redisStore({ url: redis.url }),
      namespace: "p5",
      memory: { maxSilence: "10s" },
    });
    await near.set("near", 1);
    await waitFor(async () => {
      await near.get("near");
      return ((await near.getStats()).l1?.hits ?? 0) > 0;
    });
    const counts = await sent(async () => {
      for (let i = 0; i < 2_000; i++) await near.get("near");
      for (let i = 0; i < 2_000; i++) await near.getOrSet("near", () => 2);
    });
    expect(counts.get).toBeUndefined();
    expect(counts.evalsha ?? 0).toBeLessThanOrEqual(1);
    await near.close();
  });

  test("a miss is two scripts, and one GET until 32 in a row were missing", async () => {
    const counts = await sent(async () => {
      for (let i = 0; i < 400; i++) await cache.getOrSet(`miss:${i}`, () => i, { tags: ["m"] });
    });
    expect(counts.get).toBe(32);
    // Every eighth write cleans a page of the index.
    expect(scripts(counts)).toBeGreaterThanOrEqual(800);
    expect(scripts(counts)).toBeLessThanOrEqual(800 + 400 / 8 + 4);
    expect(Object.keys(counts).filter((name) => !["get", "evalsha", "eval"].includes(name))).toEqual([]);
  });

  const single: [string, () => Promise<unknown>, number][] = [
    ["set", () => cache.set("one", 1), 2],
    ["del", () => cache.del("miss:1", "miss:2"), 1],
    ["invalidateByTag", () => cache.invalidateByTag("m"), 1],
    ["invalidateByTag of nothing", () => cache.invalidateByTag("m"), 1],
    ["invalidatePattern", () => cache.invalidatePattern("miss:3*"), 1],
    ["clear", () => cache.clear(), 1],
    ["invalidateByTag after clear", () => cache.invalidateByTag("m"), 1],
    ["invalidatePattern after clear", () => cache.invalidatePattern("miss:*"), 1],
  ];
  for (const [name, call, most] of single) {
    test(`${name} is one script`, async () => {
      const counts = await sent(call);
      // Of which one more may clean, and one read the clock.
      expect(scripts(counts)).toBeGreaterThanOrEqual(1);
      expect(scripts(counts), JSON.stringify(counts)).toBeLessThanOrEqual(most + 1);
      expect(Object.keys(counts).filter((each) => !["evalsha", "eval"].includes(each))).toEqual([]);
    });
  }

  test("getMany is one MGET; getOrSetMany one more script to take leases and one to fill", async () => {
    const keys = Array.from({ length: 100 }, (_, i) => `many:${i}`);
    await cache.setMany(keys.slice(0, 50).map((key) => ({ key, value: key })));
    expect(await sent(() => cache.getMany(keys))).toMatchObject({ mget: 1 });
    const counts = await sent(() => cache.getOrSetMany(keys, async (missing) => missing.map((key) => key)));
    expect(counts.mget).toBe(1);
    expect(counts.get).toBeUndefined();
    expect(scripts(counts), "scripts for 50 missing keys").toBeLessThanOrEqual(2 + 2 * (50 / 8) + 2);
    expect(await sent(() => cache.getOrSetMany(keys, async () => []))).toMatchObject({ mget: 1 });
  });

  test("no KEYS, and no SCAN on any of these", async () => {
    const after = await commandStats(admin);
    for (const name of FORBIDDEN) expect((after.get(name) ?? 0) - (all.get(name) ?? 0), name).toBe(0);
  });

  test("a tag whose entries have all expired costs no look through the server", async () => {
    const base = "expired:1";
    const brief = createCache({ store: redisStore({ url: redis.url }), namespace: "expired" });
    await brief.set("long", 1, "60s");
    await brief.invalidatePattern("long:*");
    await brief.set("short", 1, { ttl: "200ms", tags: ["brief"] });
    expect(await admin.exists(`${base}r`), "the registry of tags").toBe(1);
    await waitFor(async () => (await admin.exists(`${base}r`)) === 0, { timeoutMs: 5_000 });
    const counts = await sent(() => brief.invalidateByTag("brief"));
    expect(counts.scan, JSON.stringify(counts)).toBeUndefined();
    // One that was lost before its time is noticed.
    await brief.set("again", 1, { ttl: "60s", tags: ["brief"] });
    await admin.unlink(`${base}r`, `${base}t:brief`);
    expect(await brief.invalidateByTag("brief")).toBe(1);
    await brief.close();
  });
});

/**
 * Time that the server spent in scripts, in µs. Differences of it, since after `CONFIG RESETSTAT` the next call of each
 * command allocates its histogram, which would be counted as the script's time.
 */
async function scriptMicros(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await admin.info("commandstats"))?.[1] ?? 0);
}

/** The median of the quietest fifth of the run: what else the machine does only adds. */
function quietMedian(values: number[]): number {
  const size = Math.floor(values.length / 5);
  return Math.min(
    ...[0, 1, 2, 3, 4].map((part) => percentile(values.slice(part * size, (part + 1) * size), 50)),
  );
}

test(
  "invalidating 100 keys costs the same among 10,000 and 100,000",
  async () => {
    await admin.flushall();
    const sizes = FULL ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
    const spaces = await Promise.all(
      sizes.map(async (size) => {
        const namespace = `n${size}`;
        const store = redisStore({ url: redis.url, commandTimeout: "10s", invalidationTimeout: "20s" });
        const cache = createCache({ store, namespace });
        await cache.ready();
        for (let from = 0; from < size; from += 1_000) {
          await cache.setMany(
            Array.from({ length: 1_000 }, (_, i) => ({
              key: `bulk:${from + i}`,
              value: from + i,
              ttl: "1h",
              tags: [`bulk:${(from + i) % 50}`],
            })),
          );
        }
        return {
          size,
          cache,
          tag: [] as number[],
          pattern: [] as number[],
          server: { tag: [] as number[], pattern: [] as number[] },
        };
      }),
    );
    // Taken in turns, so that whatever else this machine does meets all of them alike. The first rounds warm up.
    for (let round = -20; round < 150; round++) {
      for (const space of spaces) {
        for (const way of ["tag", "pattern"] as const) {
          await space.cache.setMany(
            Array.from({ length: 100 }, (_, i) => ({
              key: `few:${way}:${i}`,
              value: i,
              ttl: "1h",
              tags: [`few:${way}`],
            })),
          );
          const before = await scriptMicros();
          const began = performance.now();
          const removed =
            way === "tag"
              ? await space.cache.invalidateByTag("few:tag")
              : await space.cache.invalidatePattern("few:pattern:*");
          const took = performance.now() - began;
          expect(removed).toBe(100);
          const after = await scriptMicros();
          if (round >= 0) {
            space[way].push(took);
            space.server[way].push((after - before) / 1_000);
          }
        }
      }
    }
    // What it would cost to look for them: the whole server is looked through.
    const began = performance.now();
    let cursor = "0";
    do {
      [cursor] = await admin.scan(cursor, "MATCH", "n10000:1e:few:*", "COUNT", 1_000);
    } while (cursor !== "0");
    const scan = performance.now() - began;
    for (const { cache } of spaces) await cache.close();
    const medians = spaces.map(({ size, tag, pattern, server }) => ({
      size,
      tag: quietMedian(tag),
      pattern: quietMedian(pattern),
      serverTag: quietMedian(server.tag),
      serverPattern: quietMedian(server.pattern),
    }));
    if (process.env.PROMISE_PRINT) process.stdout.write(`${JSON.stringify({ medians, scan })}\n`);
    for (const way of ["tag", "pattern"] as const) {
      const all = medians.map((each) => each[way]);
      expect(Math.max(...all), `${way}: ${all.join(", ")}`).toBeLessThanOrEqual(1.5 * Math.min(...all));
      expect(Math.max(...all), way).toBeLessThanOrEqual(1);
      const onServer = medians.map((each) => (way === "tag" ? each.serverTag : each.serverPattern));
      expect(Math.max(...onServer), `${way}, on the server`).toBeLessThanOrEqual(1);
    }
    // Control: looking through the server.
    expect(scan).toBeGreaterThan(10 * Math.max(...medians.map(({ pattern }) => pattern)));
  },
  FULL ? 600_000 : 60_000,
);
