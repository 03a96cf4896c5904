import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, createCache, memoryStore, type Store } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

/** What packages that extend a cache may use: fenced fills of keys that may be fresh, times of entries, reads. */
function describeRefill(name: string, makeStore: () => Store): void {
  describe(name, () => {
    let namespaces = 0;
    async function withCache(body: (cache: Cache) => Promise<void>): Promise<void> {
      const cache = createCache({ store: makeStore(), namespace: `refill-${process.pid}-${++namespaces}` });
      await cache.ready();
      try {
        await body(cache);
      } finally {
        await cache.clear();
        await cache.close();
      }
    }
    const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

    it("refill replaces a fresh entry that is older than asked for, and leaves a newer one", () =>
      withCache(async (cache) => {
        const { refill, times } = cache.internals;
        expect(await refill({ key: "k", fetcher: () => 1, options: 60, newerThan: -1 })).toMatchObject({
          ...{ outcome: "stored", bytes: 1 },
        });
        const [entry] = await times(["k"]);
        const { createdAt, freshUntil } = entry as { createdAt: number; freshUntil: number };
        expect(freshUntil - createdAt).toBe(60_000);
        expect(await refill({ key: "k", fetcher: () => 2, options: 60, newerThan: -1 })).toMatchObject({
          ...{ outcome: "found", freshUntil },
        });
        await later(2);
        expect(await refill({ key: "k", fetcher: () => 3, options: 60, newerThan: createdAt })).toMatchObject(
          {
            ...{ outcome: "stored" },
          },
        );
        expect(await cache.get("k")).toBe(3);
      }));

    it("refill is refused when the key is written or removed meanwhile, and tells of empty values and errors", () =>
      withCache(async (cache) => {
        const { refill } = cache.internals;
        const writing = async (): Promise<string> => {
          await cache.set("k", "newer", 60);
          return "older";
        };
        expect(await refill({ key: "k", fetcher: writing, newerThan: -1 })).toMatchObject({
          outcome: "refused",
        });
        expect(await cache.get("k")).toBe("newer");
        expect(await refill({ key: "n", fetcher: () => null, newerThan: -1 })).toMatchObject({
          outcome: "empty",
        });
        const error = new Error("x");
        await expect(refill({ key: "e", fetcher: () => Promise.reject(error), newerThan: -1 })).rejects.toBe(
          error,
        );
        await expect(refill({ key: "", fetcher: () => 1, newerThan: -1 })).rejects.toMatchObject({
          ...{ code: "INVALID_KEY" },
        });
      }));

    it("refill hands the caller's signal to the fetcher, and has no this for it", () =>
      withCache(async (cache) => {
        for (const hardTimeout of [30, undefined]) {
          const controller = new AbortController();
          const reason = new Error("given up");
          let self: unknown = "not called";
          const fetcher = function (this: unknown, { signal }: { signal: AbortSignal }): Promise<unknown> {
            self = this;
            return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          };
          const options = { hardTimeout };
          const work = cache.internals.refill({
            ...{ key: "k", fetcher, options, newerThan: -1, signal: controller.signal },
          });
          while (self === "not called") await later(1);
          controller.abort(reason);
          await expect(work).rejects.toBe(reason);
          expect(self).toBe(undefined);
        }
      }));

    it("refillMany fetches in one call what is not fresh and not held, and judges each key for itself", () =>
      withCache(async (cache) => {
        const { refillMany } = cache.internals;
        await cache.set("fresh", 1, 60);
        const held = await cache.lease("held");
        const asked: string[][] = [];
        const fetcher = async (keys: readonly string[]): Promise<Map<string, unknown>> => {
          asked.push([...keys]);
          await cache.set("written", "newer", 60);
          return new Map<string, unknown>([
            ["a", "a"],
            ["written", "older"],
            ["null", null],
            ["bad", () => 1],
          ]);
        };
        const keys = ["a", "fresh", "held", "written", "null", "bad", "none"];
        const results = await refillMany({ keys, fetcher, options: 60, newerThan: -1 });
        expect(results.map(({ outcome }) => outcome)).toEqual([
          ...["stored", "found", "held", "refused", "empty", "failed", "empty"],
        ]);
        expect(results[5]?.error).toMatchObject({ code: "UNSERIALIZABLE_VALUE" });
        expect(asked).toEqual([["a", "written", "null", "bad", "none"]]);
        expect(await cache.getMany(["a", "written"])).toEqual(["a", "newer"]);
        await held.release();
        const failing = refillMany({
          keys: ["x"],
          fetcher: () => Promise.reject(new Error("y")),
          newerThan: -1,
        });
        await expect(failing).rejects.toThrow("y");
        // The leases are given back: the next one does not wait.
        expect(await cache.getOrSet("x", () => 1)).toBe(1);
      }));

    it("times tells of many keys, of missing ones and of those marked stale", () =>
      withCache(async (cache) => {
        const keys = Array.from({ length: 300 }, (_, n) => `k${n}`);
        await cache.setMany(
          keys.slice(0, 299).map((key, n) => ({ key, value: "x".repeat(n), ttl: 60, staleTtl: 60 })),
        );
        await cache.invalidate("k0", { soft: true });
        const times = await cache.internals.times(keys);
        expect(times.length).toBe(300);
        expect(times[299]).toBe(null);
        expect(times[0]?.freshUntil).toBe(0);
        expect((times[1]?.freshUntil ?? 0) - (times[1]?.createdAt ?? 0)).toBe(60_000);
        expect((times[1]?.expiresAt ?? 0) - (times[1]?.createdAt ?? 0)).toBe(120_000);
      }));

    it("observeReads tells of every read of a key before it is answered, with what would fill it", () =>
      withCache(async (cache) => {
        const seen: string[] = [];
        const fetcher = (): number => 1;
        const tenant = cache.scope("t");
        const stop = cache.internals.observeReads((from, key, used, options) => {
          seen.push(
            `${from === tenant ? "t/" : ""}${key} ${used === fetcher} ${JSON.stringify(options) ?? "-"}`,
          );
        });
        await cache.getOrSet("a", fetcher, 60);
        await cache.getOrSet("a", fetcher, { ttl: 60 });
        await cache.get("a");
        await cache.getMany(["a", "b"]);
        await tenant.getOrSet("a", fetcher, 60);
        stop();
        await cache.get("a");
        expect(seen).toEqual([
          ...["a true 60", 'a true {"ttl":60}', "a false -", "a false -", "b false -", "t/a true 60"],
        ]);
      }));
  });
}

describeRefill("memory", () => memoryStore());

describe("in process", () => {
  it("a hit of the in-process tier is observed, too", async () => {
    const cache = createCache({ store: memoryStore(), memory: true });
    let reads = 0;
    const stop = cache.internals.observeReads(() => reads++);
    for (let n = 0; n < 5; n++) await cache.getOrSet("a", () => 1, 60);
    await cache.get("a");
    stop();
    await cache.getOrSet("a", () => 1, 60);
    expect(reads).toBe(6);
    expect((await cache.getStats()).l1?.hits).toBeGreaterThan(3);
    await cache.close();
  });
});

describe("on one server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  describeRefill("redis", () => redisStore({ url: redis.url, commandTimeout: "5s" }));
});

describe("on a Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  describeRefill("cluster", () => redisStore({ nodes: cluster.startupNodes, commandTimeout: "5s" }));
});
