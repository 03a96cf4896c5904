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

/** A database that shares its power among the queries under way: beyond its capacity each takes longer. */
class Origin {
  capacity = CAPACITY;
  inFlight = 0;
  queries = 0;

  async query(): Promise<number> {
    this.inFlight++;
    this.queries++;
    const ms = BASE_MS * Math.max(1, this.inFlight / this.capacity);
    await sleep(ms);
    this.inFlight--;
    return this.queries;
  }
}

interface Phase {
  readonly live: number[];
  readonly loads: number;
  readonly ms: number;
}

describe("the limiter", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  /** Live readers whose every read goes to the origin, and a run that warms beside them; the origin is slowed in the middle. */
  async function drive(name: string, options: CacheWarmerOptions) {
    const cache: Cache = createCache({
      store: redisStore({ url: redis.url, commandTimeout: "5s" }),
      namespace: name,
    });
    const warmer = createCacheWarmer(cache, options);
    const origin = new Origin();
    const windows: LimiterState[] = [];
    warmer.on("limiter:window", (state) => windows.push(state));
    let loads = 0;
    for (let n = 0; n < 20_000; n++) {
      const fetcher = async () => {
        const value = await origin.query();
        loads++;
        return value;
      };
      warmer.register({ key: `k${n}`, ttl: 600, fetcher });
    }
    let live: number[] = [];
    let running = true;
    let reads = 0;
    const readers = (async () => {
      while (running) {
        const began = performance.now();
        const into = live;
        void cache
          .getOrSet(`live:${reads++}`, () => origin.query(), 60)
          .then(() => into.push(performance.now() - began));
        await sleep(10);
      }
    })();
    async function phase(ms: number): Promise<Phase> {
      const before = loads;
      live = [];
      const mine = live;
      await sleep(ms);
      // Without those under way: they end in the next phase, which would be theirs.
      return { live: [...mine], loads: loads - before, ms };
    }
    await phase(500);
    const alone = await phase(2_000);
    const controller = new AbortController();
    const run = warmer.warmAll({ maxParallel: MAX_PARALLEL, signal: controller.signal }).catch(() => {});
    await phase(500);
    const healthy = await phase(1_500);
    origin.capacity = CAPACITY / SLOWED;
    const before = { window: windows.length, limit: warmer.getMetrics().limiter?.limit ?? MAX_PARALLEL };
    // The windows in which it is noticed; the first began before the origin was slowed.
    const noticing = await phase(4 * WINDOW_MS + 150);
    const slowed = await phase(2_500);
    origin.capacity = CAPACITY;
    // Without a limiter there is nothing to come back.
    if (options.limiter !== false) await phase(2_500);
    const recovered = await phase(options.limiter === false ? 100 : 1_500);
    controller.abort(new Error("enough"));
    await run;
    running = false;
    await readers;
    await sleep(200);
    await warmer.close();
    await cache.close();
    return { alone, healthy, noticing, slowed, recovered, windows, before };
  }

  /** One run with the limiter: what live reads took, and everything else that is promised. */
  async function measure(name: string) {
    const { alone, healthy, noticing, slowed, recovered, windows, before } = await drive(name, {
      limiter: { window: `${WINDOW_MS}ms` },
    });
    const limits = windows.slice(before.window).map(({ limit }) => limit);
    // Of the same run, before the origin is slowed.
    const baseline = percentile(healthy.live, 99);
    const figures = {
      limitBefore: before.limit,
      limitsAfter: limits.slice(0, 6),
      // The window in which the slowing fell saw both.
      windowsToHalf: limits.findIndex((limit) => limit <= before.limit / 2) + 1,
      aloneP99: Math.round(percentile(alone.live, 99)),
      baselineP99: Math.round(baseline),
      noticingP99: Math.round(percentile(noticing.live, 99)),
      slowedP99: Math.round(percentile(slowed.live, 99)),
      ratio: Number((percentile(slowed.live, 99) / baseline).toFixed(2)),
      loadsPerSecond: {
        healthy: Math.round((1_000 * healthy.loads) / healthy.ms),
        slowed: Math.round((1_000 * slowed.loads) / slowed.ms),
        recovered: Math.round((1_000 * recovered.loads) / recovered.ms),
      },
    };
    if (process.env.WARMER_FIGURES) process.stdout.write(`${JSON.stringify(figures)}\n`);
    // A machine that is busy with other things is a slow origin, too.
    expect(before.limit).toBeGreaterThanOrEqual(MAX_PARALLEL / 2);
    expect(figures.windowsToHalf).toBeGreaterThan(0);
    expect(figures.windowsToHalf).toBeLessThanOrEqual(3);
    expect(recovered.loads / recovered.ms).toBeGreaterThan((0.8 * healthy.loads) / healthy.ms);
    return figures.ratio;
  }

  it("backs off within three windows when the origin is slowed five times, spares live reads, and comes back", async () => {
    // The third slowest of 250 reads decides: a ratio that misses is measured again, twice at most. Nothing else is.
    const ratios: number[] = [];
    while (ratios.length < 3 && !ratios.some((ratio) => ratio <= 1.5))
      ratios.push(await measure(`limited-${ratios.length}`));
    expect(Math.min(...ratios)).toBeLessThanOrEqual(1.5);
  }, 90_000);

  it("control arm: without it live reads pay", async () => {
    const { alone, slowed } = await drive("unlimited", { limiter: false });
    expect(percentile(slowed.live, 99) / percentile(alone.live, 99)).toBeGreaterThan(2);
  }, 60_000);
});
