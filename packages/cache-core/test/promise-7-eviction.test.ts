// Promise 7: safe under eviction. Whatever of ours the server loses costs a refetch, never a stale answer.
// `PROMISE_FULL=1` runs longer.

import "@crm/testkit/setup-guards";
import { type RedisServer, seededRandom, startRedis, startRedisCluster, waitFor } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cache, CacheError, createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const FULL = process.env.PROMISE_FULL === "1";

for (const policy of ["allkeys-lru", "volatile-ttl"] as const) {
  test(
    `20 MB under ${policy}: written far beyond, invalidated all along, 0 stale`,
    async () => {
      await using redis = await startRedis({ config: { maxmemory: "20mb", "maxmemory-policy": policy } });
      const admin = await redis.client();
      // Something else lives on the server, too.
      await admin.set("foreign", "x", "PX", 600_000);
      const warnings: string[] = [];
      const logged: unknown[] = [];
      const logger = {
        debug() {},
        info() {},
        error() {},
        warn: (fields: object, text: string) => logged.push([fields, text]),
      };
      const caches = Array.from({ length: 2 }, () =>
        createCache({
          store: redisStore({ url: redis.url, commandTimeout: "200ms", invalidationTimeout: "5s" }),
          namespace: "p7",
          logger: logger as never,
        }),
      );
      const [cache, other] = caches as [Cache, Cache];
      cache.on("store:warning", ({ code }) => warnings.push(code));
      await cache.ready();
      const random = seededRandom(7);
      const payload = "x".repeat(8_000);
      const GROUPS = 50;
      /** What the source holds: a version for each group. Values carry the version that they were made from. */
      const version = new Array<number>(GROUPS).fill(1);
      /** The oldest version that may still be read, by group: what was acknowledged. */
      const floor = new Array<number>(GROUPS).fill(0);
      let stale = 0;
      let reads = 0;
      let hits = 0;
      let pending = 0;
      const rounds = FULL ? 3_000 : 150;
      const check = (group: number, low: number, value: { version: number } | null): void => {
        reads++;
        if (value === null) return;
        hits++;
        if (value.version < low) stale++;
        void group;
      };
      let evictions = 0;
      for (let round = 0; round < rounds; round++) {
        // Writes: 20 MB are full after some 12,000 of them.
        await Promise.all(
          Array.from({ length: 80 }, async () => {
            const group = random.int(0, GROUPS - 1);
            const key = `g:${group}:${random.int(0, 800)}`;
            const low = floor[group] as number;
            const value = await caches[random.int(0, 1)]!.getOrSet(
              key,
              () => ({ version: version[group] as number, payload }),
              { ttl: random.int(60, 300), tags: [`group:${group}`, `all:${group % 5}`] },
            );
            check(group, low, value);
          }),
        );
        // The source changes a group, and the group is invalidated, each time in another way.
        const group = random.int(0, GROUPS - 1);
        version[group] = (version[group] as number) + 1;
        const now = version[group] as number;
        try {
          const way = round % 4;
          const by = caches[round % 2] as Cache;
          if (way === 0) await by.invalidateByTag(`group:${group}`);
          else if (way === 1) await by.invalidatePattern(`g:${group}:*`);
          else if (way === 2) await by.invalidatePattern(`g:${group}:[0-9]*`);
          else await by.del(...Array.from({ length: 801 }, (_, i) => `g:${group}:${i}`));
          floor[group] = now;
        } catch (error) {
          if (!CacheError.isInstance(error) || error.code !== "INVALIDATION_PENDING") throw error;
          pending++;
          await waitFor(
            async () => (await (caches[round % 2] as Cache).getStats()).pendingInvalidations === 0,
            {
              timeoutMs: 30_000,
            },
          );
          floor[group] = now;
        }
        // Nothing of the group is readable any more, by anybody.
        const names = Array.from({ length: 801 }, (_, i) => `g:${group}:${i}`);
        for (const value of await other.getMany<{ version: number }>(names)) check(group, now, value);
        // Evicted by the server's choice, and now and then by hand what it would seldom choose.
        if (round % 25 === 24) {
          const names = ["p7:1i", "p7:1r", "p7:1b", `p7:1t:group:${random.int(0, GROUPS - 1)}`];
          await admin.unlink(random.pick(names));
          evictions++;
        }
      }
      const evicted = Number(/evicted_keys:(\d+)/.exec(await admin.info("stats"))?.[1]);
      if (process.env.PROMISE_PRINT) {
        process.stdout.write(
          `${JSON.stringify({ policy, reads, hits, evicted, byHand: evictions, pending, stale })}\n`,
        );
      }
      expect(evicted).toBeGreaterThan(1_000);
      expect(hits).toBeGreaterThan(1_000);
      expect(stale).toBe(0);
      // The policy is told: by event, by log line, by the statistics.
      const stats = await cache.getStats();
      expect(stats.evictionPolicy).toBe(policy);
      expect(stats.warnings.join()).toContain(policy);
      expect(JSON.stringify(logged)).toContain("EVICTION_POLICY");
      for (const each of caches) await each.close();
    },
    FULL ? 600_000 : 90_000,
  );
}

test("the eviction policy is told by an event, a log line and the statistics", async () => {
  await using redis = await startRedis({ config: { maxmemory: "50mb", "maxmemory-policy": "allkeys-lfu" } });
  const logged: unknown[] = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (...line: unknown[]) => logged.push(line) };
  const cache = createCache({ store: redisStore({ url: redis.url }), logger: logger as never });
  const events: string[] = [];
  cache.on("store:warning", ({ code, message }) => events.push(`${code}: ${message}`));
  await waitFor(() => events.length > 0);
  expect(events[0]).toMatch(/^EVICTION_POLICY: .*allkeys-lfu/);
  expect((await cache.getStats()).warnings).toHaveLength(1);
  expect(JSON.stringify(logged)).toContain("EVICTION_POLICY");
  await cache.close();

  await redis.configSet("maxmemory-policy", "noeviction");
  const quiet = createCache({ store: redisStore({ url: redis.url }), logger: logger as never });
  await quiet.ready();
  expect((await quiet.getStats()).warnings).toHaveLength(0);
  await quiet.close();
});

describe("any keys of the namespace are lost, and everything old still goes", () => {
  let redis: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
    admin = await redis.client();
  });
  afterAll(() => redis?.stop());

  const KINDS = ["entry", "lease", "index", "tag", "other tag", "registry", "bus"] as const;
  const NAMES: Record<(typeof KINDS)[number], (base: string) => string> = {
    entry: (base) => `${base}e:k:3`,
    lease: (base) => `${base}l`,
    index: (base) => `${base}i`,
    tag: (base) => `${base}t:t`,
    "other tag": (base) => `${base}t:u`,
    registry: (base) => `${base}r`,
    bus: (base) => `${base}b`,
  };
  /** What may happen between the loss and the invalidation. */
  const BETWEEN: Record<string, (cache: Cache) => Promise<unknown>> = {
    nothing: async () => {},
    "a write with the tag": (cache) => cache.set("k:new", "new", { ttl: "60s", tags: ["t"] }),
    "a write with another tag": (cache) => cache.set("other:1", "new", { ttl: "60s", tags: ["v"] }),
    "an invalidation of another tag": (cache) => cache.invalidateByTag("u"),
  };
  const WAYS: Record<string, (cache: Cache) => Promise<unknown>> = {
    invalidateByTag: (cache) => cache.invalidateByTag("t"),
    invalidatePattern: (cache) => cache.invalidatePattern("k:*"),
    "invalidatePattern, soft": (cache) => cache.invalidatePattern("k:*", { soft: true }),
    "invalidateByTag, soft": (cache) => cache.invalidateByTag("t", { soft: true }),
    clear: (cache) => cache.clear(),
  };

  test("every combination of kinds, whatever happens in between, by tag, by pattern and by clear", async () => {
    const store = redisStore({ url: redis.url, commandTimeout: "1s", invalidationTimeout: "5s" });
    const keeper = store.retain();
    const wrong: string[] = [];
    let cases = 0;
    let considered = 0;
    for (let chosen = 1; chosen < 1 << KINDS.length; chosen++) {
      const kinds = KINDS.filter((_, i) => (chosen >> i) & 1);
      for (const [between, act] of Object.entries(BETWEEN)) {
        for (const [way, invalidate] of Object.entries(WAYS)) {
          considered++;
          if (!FULL && kinds.length > 2 && (considered * 7 + chosen) % 9 !== 0) continue;
          cases++;
          await admin.flushall();
          // Others use the server, too.
          await admin.set("foreign", "1", "PX", 60_000);
          const cache = createCache({ store, namespace: "lost" });
          await cache.setMany(
            Array.from({ length: 6 }, (_, i) => ({
              key: `k:${i}`,
              value: "old",
              ttl: "60s",
              tags: i % 2 === 0 ? ["t"] : ["t", "u"],
            })),
          );
          await cache.set("other:0", "kept", { ttl: "60s", tags: ["u"] });
          // A fetch is under way.
          let open: () => void = () => {};
          const gate = new Promise<void>((resolve) => {
            open = resolve;
          });
          let fetching = false;
          const late = cache.getOrSet(
            "k:late",
            async () => {
              fetching = true;
              await gate;
              return "old";
            },
            { ttl: "60s", tags: ["t"] },
          );
          await waitFor(() => fetching, { intervalMs: 0 });
          const base = "lost:1";
          await admin.unlink(kinds.map((kind) => NAMES[kind](base)));
          await act(cache);
          await invalidate(cache);
          open();
          await late;
          const label = `${kinds.join(" + ")} / ${between} / ${way}`;
          const soft = way.endsWith("soft");
          for (const key of ["k:0", "k:1", "k:2", "k:3", "k:4", "k:5", "k:late"]) {
            // `get` gives fresh values only.
            const value = await cache.get(key);
            if (value === "old") wrong.push(`${label}: ${key}`);
            if (!soft && (await cache.lookup(key))?.value === "old") wrong.push(`${label}: ${key} (lookup)`);
          }
          await cache.close();
        }
      }
    }
    if (process.env.PROMISE_PRINT) process.stdout.write(`lost keys: ${cases} cases, ${wrong.length} stale\n`);
    expect(wrong.slice(0, 20), `${wrong.length} stale values in ${cases} cases`).toEqual([]);
    await keeper();
  }, 300_000);

  test("control: an index without repair leaves old values behind", async () => {
    await admin.flushall();
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "control" });
    await cache.set("k:1", "old", { ttl: "60s", tags: ["t"] });
    await waitFor(async () => (await cache.get("k:1")) === "old");
    await admin.unlink("control:1i", "control:1t:t", "control:1r");
    // What an invalidation would do that trusts what it finds.
    const members = await admin.hkeys("control:1t:t");
    const inRange = await admin.zrangebylex("control:1i", "[k:", "(k:\xff");
    for (const key of [...members, ...inRange]) await admin.unlink(`control:1e:${key}`);
    expect(await cache.get("k:1")).toBe("old");
    expect(await cache.invalidateByTag("t")).toBe(1);
    expect(await cache.get("k:1")).toBeNull();
    await cache.close();
  });
});

test("an index that was rebuilt knows of the tags that outlived it, should they be lost later", async () => {
  await using redis = await startRedis({ control: true });
  const admin = await redis.client();
  const cache = createCache({
    store: redisStore({ url: redis.url, commandTimeout: "1s", invalidationTimeout: "5s" }),
    namespace: "later",
  });
  await cache.ready();
  await cache.setMany([
    { key: "k:1", value: "old", ttl: "60s", tags: ["t"] },
    { key: "k:2", value: "old", ttl: "60s" },
  ]);
  await admin.unlink("later:1i");
  // Rebuilds the index, and finds everything.
  expect(await cache.invalidatePattern("k:2")).toBe(1);
  await admin.unlink("later:1t:t", "later:1r");
  expect(await cache.invalidateByTag("t")).toBe(1);
  expect(await cache.get("k:1")).toBeNull();
  await cache.close();
});

test("in a Cluster: each kind of key lost in every bucket, 0 stale", async () => {
  await using cluster = await startRedisCluster();
  const client = await cluster.client();
  const cache = createCache({
    store: redisStore({ nodes: cluster.startupNodes, commandTimeout: "1s", invalidationTimeout: "5s" }),
    namespace: "lost",
  });
  await waitFor(() => cache.set("probe", 1));
  const keysOf = async (kind: string): Promise<string[]> => {
    const pages = await Promise.all(client.nodes("master").map((node) => node.keys(`lost:1${kind}*`)));
    return pages.flat();
  };
  for (const kinds of ["i", "t", "r", "b", "it", "tr", "itr", "ir", "itrb"]) {
    for (const way of ["tag", "pattern", "clear"] as const) {
      await cache.setMany(
        Array.from({ length: 60 }, (_, i) => ({ key: `k:${i}`, value: "old", ttl: "60s", tags: ["t"] })),
      );
      for (const kind of kinds) for (const key of await keysOf(kind)) await client.unlink(key);
      if (way === "tag") await cache.invalidateByTag("t");
      else if (way === "pattern") await cache.invalidatePattern("k:*");
      else await cache.clear();
      const left = await cache.getMany(Array.from({ length: 60 }, (_, i) => `k:${i}`));
      expect(
        left.filter((value) => value !== null),
        `${kinds} / ${way}`,
      ).toHaveLength(0);
    }
  }
  await cache.close();
}, 60_000);
