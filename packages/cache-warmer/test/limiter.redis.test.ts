import { type Cache, createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { percentile, type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CacheWarmerOptions, createCacheWarmer, type LimiterState } from "../src/index.ts";
import { sleep } from "./support/suite.ts";

const BASE_MS = 20;
const CAPACITY = 20;
const SLOWED = 5;
const MAX_PARALLEL = 16;
const WINDOW_MS = 100;
/** Live reads a second; one in a hundred of those of the slow phase may be slower than promised. */
const READ_EVERY_MS = 10;
/** LIMITER_SLOW_MS sets how long the origin is slow; the figures of docs/measurements/warmer.md are of 20 s. */
const SLOW_MS = Number(process.env.LIMITER_SLOW_MS ?? 5_000);
/** Beside other suites a few reads in a hundred are slower than that for reasons of their own; test/limiter-simulation.test.ts asks for 1.5 always. */
const AT_MOST = process.env.LIMITER_SLOW_MS ? 1.5 : 2;

/** A database that shares its power among the queries under way: beyond its capacity each takes longer. */
class Origin {
  capacity = CAPACITY;
  workMs = BASE_MS;
  inFlight = 0;
  queries = 0;

  async query(): Promise<number> {
    this.inFlight++;
    this.queries++;
    const ms = this.workMs * Math.max(1, this.inFlight / this.capacity);
    await sleep(ms);
    this.inFlight--;
    return this.queries;
  }
}

/** How the origin becomes five times slower. */
const WAYS = {
  /** A fifth of the power: queries alone are as fast as before, and a fifth as many have room. */
  power: (origin: Origin, slow: boolean) => {
    origin.capacity = slow ? CAPACITY / SLOWED : CAPACITY;
  },
  /** Five times the work: no query can be as fast as before, whoever warms or does not. */
  work: (origin: Origin, slow: boolean) => {
    origin.workMs = slow ? BASE_MS * SLOWED : BASE_MS;
  },
};

interface Read {
  readonly began: number;
  readonly ms: number;
}

interface Drive {
  readonly way: keyof typeof WAYS;
  readonly slowMs: number;
  /** `null`: nobody warms. */
  readonly warmer: CacheWarmerOptions | null;
}

const median = (values: readonly number[]): number => percentile([...values], 50);

describe("the limiter", () => {
  let redis: RedisServer;
  let drives = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  /** Live readers whose every read goes to the origin, and a run that warms beside them; the origin is slowed in the middle. */
  async function drive({ way, slowMs, warmer: options }: Drive) {
    const store = redisStore({ url: redis.url, commandTimeout: "5s" });
    const cache: Cache = createCache({ store, namespace: `drive${++drives}` });
    const warmer = createCacheWarmer(cache, options ?? {});
    const origin = new Origin();
    const windows: LimiterState[] = [];
    warmer.on("limiter:window", (state) => windows.push(state));
    let loads = 0;
    for (let n = 0; n < 40_000; n++) {
      const fetcher = async () => {
        const value = await origin.query();
        loads++;
        return value;
      };
      warmer.register({ key: `k${n}`, ttl: 600, fetcher });
    }
    const reads: Read[] = [];
    let running = true;
    const readers = (async () => {
      for (let nth = 0; running; nth++) {
        const began = performance.now();
        void cache
          .getOrSet(`live:${nth}`, () => origin.query(), 60)
          .then(() => reads.push({ began, ms: performance.now() - began }));
        await sleep(READ_EVERY_MS);
      }
    })();
    /** Those that began in it, and how many loads ended. */
    async function phase(ms: number) {
      const before = loads;
      const from = performance.now();
      await sleep(ms);
      return { from, until: performance.now(), loadsPerSecond: (1_000 * (loads - before)) / ms };
    }
    const controller = new AbortController();
    const run =
      options === null
        ? undefined
        : warmer.warmAll({ maxParallel: MAX_PARALLEL, signal: controller.signal }).catch(() => {});
    // Which makes all tasks ready in one turn.
    await phase(500);
    const healthy = await phase(1_500);
    WAYS[way](origin, true);
    const limitBefore = windows.at(-1)?.limit ?? MAX_PARALLEL;
    const window = windows.length;
    const slowed = await phase(slowMs);
    WAYS[way](origin, false);
    const recoveredAt = performance.now();
    // The limiter may rest before it tries again, and then it grows.
    while (
      run !== undefined &&
      options?.limiter !== false &&
      (windows.at(-1)?.limit ?? MAX_PARALLEL) < limitBefore
    ) {
      if (performance.now() - recoveredAt > 60 * WINDOW_MS) break;
      await sleep(10);
    }
    const backAfterMs = Math.round(performance.now() - recoveredAt);
    const recovered = run === undefined ? healthy : await phase(1_500);
    controller.abort(new Error("enough"));
    await run;
    running = false;
    await readers;
    await sleep(WINDOW_MS + BASE_MS * SLOWED);
    await warmer.close();
    await cache.close();
    const p99 = (from: number, until: number): number =>
      percentile(
        reads.filter(({ began }) => began >= from && began < until).map(({ ms }) => ms),
        99,
      );
    const seconds = Array.from({ length: Math.floor(slowMs / 1_000) }, (_, n) =>
      Math.round(p99(slowed.from + 1_000 * n, slowed.from + 1_000 * (n + 1))),
    );
    const limits = windows.slice(window).map(({ limit }) => limit);
    return {
      limitBefore,
      limitsAfter: limits.slice(0, 12),
      windowsToHalf: limits.findIndex((limit) => limit <= limitBefore / 2) + 1,
      healthyP99: p99(healthy.from, healthy.until),
      slowedP99: p99(slowed.from, slowed.until),
      restP99: p99(slowed.from + 1_000, slowed.until),
      secondsP99: seconds,
      backAfterMs,
      loadsPerSecond: {
        healthy: healthy.loadsPerSecond,
        slowed: slowed.loadsPerSecond,
        recovered: recovered.loadsPerSecond,
      },
    };
  }

  const limiter = { window: `${WINDOW_MS}ms` } as const;

  /** A run with the limiter beside the same in which nobody warms, and what live reads took in both while the origin was slow. */
  async function measure(way: Drive["way"], slowMs: number) {
    const unwarmed = await drive({ way, slowMs: Math.min(slowMs, 4_000), warmer: null });
    const warmed = await drive({ way, slowMs, warmer: { limiter } });
    // In the first second are the reads that began before anybody could notice.
    const rounded = (ratio: number): number => Number(ratio.toFixed(2));
    const ratio = rounded(warmed.restP99 / unwarmed.slowedP99);
    const ratioOfAll = rounded(warmed.slowedP99 / unwarmed.slowedP99);
    const ratioOfSecond = rounded(median(warmed.secondsP99.slice(1)) / median(unwarmed.secondsP99));
    const slowSeconds = warmed.secondsP99
      .slice(1)
      .filter((ms) => ms > 1.5 * median(unwarmed.secondsP99)).length;
    if (process.env.WARMER_FIGURES) {
      const figures = {
        ...{ way, ratio, ratioOfAll, ratioOfSecond, slowSeconds },
        ratioToHealthy: warmed.slowedP99 / unwarmed.healthyP99,
        warmed,
        unwarmed,
      };
      const line = JSON.stringify(figures, (_, value) =>
        typeof value === "number" ? rounded(value) : value,
      );
      process.stdout.write(`${line}\n`);
    }
    return {
      ...{ ratio, ratioOfAll, ratioOfSecond, slowSeconds },
      rate: rounded(warmed.loadsPerSecond.recovered / warmed.loadsPerSecond.healthy),
      limitBefore: warmed.limitBefore,
      windowsToHalf: warmed.windowsToHalf,
    };
  }

  /** A machine that is busy with other things is a slow origin, too: what misses is measured again, twice at most. */
  async function holdsOnce(way: Drive["way"], slowMs: number, atMost: number): Promise<void> {
    const runs: Awaited<ReturnType<typeof measure>>[] = [];
    const holds = ({ ratio, rate, limitBefore, windowsToHalf }: (typeof runs)[number]): boolean =>
      ratio <= atMost &&
      rate > 0.8 &&
      limitBefore >= MAX_PARALLEL / 2 &&
      windowsToHalf > 0 &&
      windowsToHalf <= 3;
    while (runs.length < 3 && !runs.some(holds)) runs.push(await measure(way, slowMs));
    expect(runs.some(holds), JSON.stringify(runs)).toBe(true);
  }

  it("backs off within three windows when the origin has a fifth of its power, spares live reads, and comes back", async () => {
    await holdsOnce("power", SLOW_MS, AT_MOST);
  }, 120_000);

  it("backs off as soon when each query is five times the work, and costs live reads nothing that they do not cost alone", async () => {
    await holdsOnce("work", 3_000, 1.5);
  }, 120_000);

  it("control arm: without it live reads pay for as long as the origin is slow", async () => {
    const alone = await drive({ way: "power", slowMs: 2_000, warmer: null });
    const beside = await drive({ way: "power", slowMs: 2_000, warmer: { limiter: false } });
    expect((beside.secondsP99[1] as number) / median(alone.secondsP99)).toBeGreaterThan(2);
  }, 60_000);
});
