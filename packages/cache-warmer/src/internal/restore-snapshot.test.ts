import { type Cache, createCache, memoryStore, silentLogger } from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheWarmer, createCacheWarmer, type HotSnapshot } from "../index.ts";

describe("restoring a snapshot", () => {
  let clock: FakeClock;
  let cache: Cache;
  let warmer: CacheWarmer;
  let warnings: unknown[];

  beforeEach(() => {
    clock = createFakeClock();
    warnings = [];
    const logger = { ...silentLogger, warn: (fields: unknown) => void warnings.push(fields) };
    cache = createCache({ store: memoryStore({ clock }), clock, logger });
    warmer = createCacheWarmer(cache, { hotKeys: true, retryDelay: "100ms", limiter: false });
  });
  afterEach(async () => {
    await warmer.close();
    await cache.close();
    // What never answered is given up at its timeout.
    await clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  function snapshot(...keys: string[]): HotSnapshot {
    return { version: 1, takenAt: "", keys: keys.map((key, n) => ({ key, reads: keys.length - n })) };
  }
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));

  it("tries a batch that failed again, later each time, and counts it once", async () => {
    const calls: number[] = [];
    const began = clock.monotonic();
    const restored = warmer.restore(snapshot("a", "b"), {
      retries: 2,
      batchFetcher: async (keys) => {
        calls.push(clock.monotonic() - began);
        if (calls.length < 3) throw new Error("origin");
        return keys;
      },
    });
    await clock.advance(1_000);
    expect(await restored).toMatchObject({ total: 2, restored: 2, failed: 0 });
    expect(calls).toHaveLength(3);
    const [first, second, third] = calls as [number, number, number];
    // 100 ms, then 200, less a random half.
    expect(second - first).toBeGreaterThanOrEqual(50);
    expect(third - second).toBeGreaterThanOrEqual(100);
  });

  it("says what failed, once and with the first error: its result only counts", async () => {
    const error = new Error("origin");
    const batchFetcher = async (keys: readonly string[]): Promise<unknown[]> => {
      if (keys[0] === "c") return [Symbol("no")];
      if (keys[0] === "d") return ["d"];
      throw error;
    };
    const restored = warmer.restore(snapshot("a", "b", "c", "d"), {
      ...{ retries: 1, batchSize: 1, parallel: false, batchFetcher },
    });
    await clock.advance(1_000);
    expect(await restored).toMatchObject({ total: 4, restored: 1, failed: 3 });
    expect(warnings).toEqual([{ err: error, total: 4, failed: 3 }]);
  });

  it("gives up a batch that hangs, and aborts its signal", async () => {
    let signal: AbortSignal | undefined;
    const restored = warmer.restore(snapshot("a"), {
      ...{ retries: 0, timeout: "500ms" },
      batchFetcher: (_, context) => {
        signal = context.signal;
        return new Promise(() => {});
      },
    });
    await clock.advance(499);
    expect(signal?.aborted).toBe(false);
    await clock.advance(2_000);
    expect(signal?.aborted).toBe(true);
    expect(await restored).toMatchObject({ restored: 0, failed: 1 });
  });

  it("aborts fetchers and rejects when the warmer is closed, also in the pause before a repetition", async () => {
    let signal: AbortSignal | undefined;
    const loading = warmer.restore(snapshot("a"), {
      batchFetcher: (_, context) => {
        signal = context.signal;
        return new Promise(() => {});
      },
    });
    const pausing = warmer.restore(snapshot("b"), {
      batchFetcher: () => Promise.reject(new Error("origin")),
    });
    const outcomes = Promise.allSettled([loading, pausing]);
    await clock.advance(10);
    await warmer.close();
    expect(signal?.aborted).toBe(true);
    const closed = { status: "rejected", reason: { code: "WARMER_CLOSED" } };
    expect(await outcomes).toMatchObject([closed, closed]);
  });

  it("gives the places in flight back when it is aborted, whatever a fetcher does with its signal", async () => {
    const aborting = new AbortController();
    const restored = warmer.restore(snapshot("a", "b"), {
      ...{ signal: aborting.signal, batchSize: 1 },
      batchFetcher: () => new Promise(() => {}),
    });
    const outcome = restored.catch((error: unknown) => error);
    await clock.advance(10);
    expect(warmer.getMetrics().inFlight).toBe(2);
    const reason = new Error("enough");
    aborting.abort(reason);
    await clock.advance(10);
    expect(await outcome).toBe(reason);
    expect(warmer.getMetrics().inFlight).toBe(0);
  });

  it("shares the places of loads in flight with the runs of this process", async () => {
    let inFlight = 0;
    let most = 0;
    async function load<T>(value: T): Promise<T> {
      most = Math.max(most, ++inFlight);
      await wait(50);
      inFlight--;
      return value;
    }
    for (let n = 0; n < 12; n++) warmer.register({ key: `task:${n}`, fetcher: () => load(n), ttl: 60 });
    const keys = Array.from({ length: 12 }, (_, n) => `hot:${n}`);
    const run = warmer.warmAll({ maxParallel: 3 });
    const restored = warmer.restore(snapshot(...keys), {
      ...{ maxParallel: 3, batchSize: 1 },
      batchFetcher: load,
    });
    await clock.advance(5_000);
    expect(await run).toMatchObject({ successfulTasks: 12 });
    expect(await restored).toMatchObject({ restored: 12 });
    expect(most).toBe(3);
  });

  it("loads what is read most first, and passes over names that cannot be keys or scopes", async () => {
    const order: string[] = [];
    const hostile: HotSnapshot = {
      ...snapshot("first", "second"),
      keys: [
        { key: "first", reads: 9 },
        { key: "a\nb", reads: 8 },
        { key: "k".repeat(1_025), reads: 7 },
        { key: "\ud800", reads: 6 },
        { key: "k", scope: [""], reads: 5 },
        { key: "second", reads: 4 },
      ],
    };
    const restored = await warmer.restore(hostile, {
      ...{ maxParallel: 1, batchSize: 1 },
      batchFetcher: async (keys) => {
        order.push(...keys);
        return keys;
      },
    });
    expect(restored).toMatchObject({ total: 6, restored: 2, skipped: 4, failed: 0 });
    expect(order).toEqual(["first", "second"]);
  });

  it("tells the limiter how long loads take: an origin that slows down is asked less", async () => {
    const limited = createCacheWarmer(cache, { hotKeys: true, limiter: { window: "100ms" } });
    let ms = 20;
    let [inFlight, most] = [0, 0];
    const keys = Array.from({ length: 2_000 }, (_, n) => `hot:${n}`);
    const restored = limited.restore(snapshot(...keys), {
      ...{ maxParallel: 16, batchSize: 1 },
      batchFetcher: async (batch) => {
        most = Math.max(most, ++inFlight);
        await wait(ms);
        inFlight--;
        return batch;
      },
    });
    await clock.advance(500);
    expect(most).toBe(16);
    ms = 100;
    await clock.advance(400);
    most = 0;
    await clock.advance(400);
    expect(most).toBeLessThanOrEqual(4);
    await limited.close();
    await expect(restored).rejects.toMatchObject({ code: "WARMER_CLOSED" });
  });
});
