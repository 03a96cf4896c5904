import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type Cache, createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CacheWarmer, createCacheWarmer } from "../src/index.ts";

/** Requests a second of the shop, as the test replays it: 10 s are 2,000 requests. */
const RATE = 200;
const FLUSH_AT = 40_000;
const AT_ONCE = 20;

/** The trace *web12*: product pages. See `fixtures/README.md`. */
function readTrace(): string[] {
  const bytes = gunzipSync(readFileSync(new URL("./fixtures/web12-52k.bin.gz", import.meta.url)));
  return Array.from({ length: bytes.length / 4 }, (_, at) => `products:${bytes.readUInt32BE(4 * at)}`);
}

describe("a snapshot of the hot set", () => {
  const trace = readTrace();
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
  });
  afterAll(() => redis.stop());

  function instance(namespace: string): { cache: Cache; warmer: CacheWarmer } {
    const store = redisStore({ url: redis.url, commandTimeout: "5s", invalidationTimeout: "10s" });
    const cache = createCache({ store, namespace });
    return { cache, warmer: createCacheWarmer(cache, { hotKeys: true, limiter: false }) };
  }

  /** The share of reads that were hits. */
  async function replay(cache: Cache, reads: readonly string[]): Promise<number> {
    let fetched = 0;
    for (let from = 0; from < reads.length; from += AT_ONCE) {
      await Promise.all(
        reads.slice(from, from + AT_ONCE).map((key) =>
          cache.getOrSet(
            key,
            () => {
              fetched++;
              return { key };
            },
            "1h",
          ),
        ),
      );
    }
    return 1 - fetched / reads.length;
  }

  /** Hit rates in each ten seconds of the minute after a flush, as shares of the minute before it. */
  async function flush(namespace: string, restored: boolean) {
    const old = instance(namespace);
    await replay(old.cache, trace.slice(0, FLUSH_AT - 60 * RATE));
    const before = await replay(old.cache, trace.slice(FLUSH_AT - 60 * RATE, FLUSH_AT));
    // JSON carries it, to a file or another region.
    const snapshot = JSON.parse(JSON.stringify(old.warmer.snapshot()));
    await old.warmer.close();
    await old.cache.close();
    const admin = await redis.client();
    await admin.flushall();
    // Another process, which has not seen a read.
    const { cache, warmer } = instance(namespace);
    const batches: number[] = [];
    const result = restored
      ? await warmer.restore(snapshot, {
          ttl: "1h",
          maxParallel: 4,
          batchFetcher: async (keys) => {
            batches.push(keys.length);
            return keys.map((key) => ({ key }));
          },
        })
      : undefined;
    const shares: number[] = [];
    for (let window = 0; window < 6; window++) {
      const from = FLUSH_AT + window * 10 * RATE;
      shares.push((await replay(cache, trace.slice(from, from + 10 * RATE))) / before);
    }
    const warm = warmer.hotKeys(5).map(({ key }) => key);
    await warmer.close();
    await cache.close();
    return { before, shares, result, batches, snapshot, warm };
  }

  it("brings back 90% of the hit rate within 60 s after a flush", async () => {
    const { before, shares, result, batches, snapshot, warm } = await flush("restored", true);
    if (process.env.WARMER_FIGURES) {
      const rounded = shares.map((share) => Number(share.toFixed(2)));
      const figures = { before: Number(before.toFixed(3)), shares: rounded, result };
      process.stdout.write(`${JSON.stringify(figures)}\n`);
    }
    expect(result).toMatchObject({ total: snapshot.keys.length, restored: snapshot.keys.length, failed: 0 });
    // A query a batch, not a key.
    expect(batches.length).toBe(Math.ceil(snapshot.keys.length / 100));
    expect(Math.min(...shares)).toBeGreaterThan(0.9);
    // The new process knows what is hot.
    expect(snapshot.keys.slice(0, 20).map(({ key }: { key: string }) => key)).toEqual(
      expect.arrayContaining(warm),
    );
  }, 60_000);

  it("control arm: without it the minute is not enough", async () => {
    const { shares } = await flush("cold", false);
    expect(Math.max(...shares)).toBeLessThan(0.9);
    expect(shares[0]).toBeLessThan(0.75);
  }, 60_000);

  it("restores by registered tasks, by families and by what readers used, and leaves fresh entries alone", async () => {
    const { cache, warmer } = instance("loaders");
    const batches: string[][] = [];
    warmer.register({ key: "task", fetcher: () => "by task", ttl: 60 });
    warmer.registerFamily({
      name: "family",
      ttl: 60,
      keys: () => ["f1", "f2"],
      batchFetcher: async (keys) => {
        batches.push([...keys]);
        return keys.map(() => "by family");
      },
    });
    await warmer.warmAll();
    for (const key of ["task", "f1", "f2", "read", "kept"]) {
      for (let n = 0; n < 3; n++) await cache.getOrSet(key, () => `by reader of ${key}`, 60);
    }
    const tenant = cache.scope("t*1");
    await tenant.getOrSet("read", () => "by reader in the scope", 60);
    await cache.get("only looked at");
    const snapshot = warmer.snapshot();
    expect(snapshot.keys.find(({ key }) => key === "f1")).toMatchObject({ family: "family", reads: 3 });
    expect(snapshot.keys.find(({ scope }) => scope !== undefined)).toMatchObject({
      key: "read",
      scope: ["t*1"],
    });
    await cache.clear();
    await cache.set("kept", "newer", 60);
    expect(await warmer.restore(snapshot)).toMatchObject({
      ...{ total: 7, restored: 5, found: 1, skipped: 1, failed: 0 },
    });
    expect(await cache.getMany(["task", "f1", "f2", "read", "kept", "only looked at"])).toEqual([
      "by task",
      "by family",
      "by family",
      "by reader of read",
      "newer",
      null,
    ]);
    expect(await tenant.get("read")).toBe("by reader in the scope");
    expect(batches).toEqual([
      ["f1", "f2"],
      ["f1", "f2"],
    ]);
    await warmer.close();
    await cache.close();
  });

  it("counts what fails, stops at a signal, and refuses what is no snapshot", async () => {
    const { cache, warmer } = instance("failing");
    const keys = Array.from({ length: 250 }, (_, n) => ({ key: `k${n}`, reads: 250 - n }));
    const snapshot = { version: 1, takenAt: "", keys } as const;
    const result = await warmer.restore(snapshot, {
      retries: 0,
      batchFetcher: async (batch) => {
        if (batch.includes("k120")) throw new Error("x");
        return batch.map(() => 1);
      },
    });
    expect(result).toMatchObject({ total: 250, restored: 150, failed: 100 });
    const controller = new AbortController();
    const stopped = warmer.restore(snapshot, {
      signal: controller.signal,
      batchFetcher: () => new Promise(() => {}),
      timeout: "300ms",
      retries: 0,
    });
    controller.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    for (const wrong of [null, {}, { version: 1 }, { version: 1, keys: [{ key: "a" }] }]) {
      await expect(warmer.restore(wrong as never)).rejects.toMatchObject({ code: "INVALID_SNAPSHOT" });
    }
    await warmer.close();
    await expect(warmer.restore(snapshot)).rejects.toMatchObject({ code: "WARMER_CLOSED" });
    await cache.close();
  });
});
