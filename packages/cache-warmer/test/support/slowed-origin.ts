import type { Cache } from "@crm/cache-core";
import { percentile } from "@crm/testkit";
import { type CacheWarmerOptions, createCacheWarmer, type LimiterState } from "../../src/index.ts";

const BASE_MS = 20;
const CAPACITY = 20;
const SLOWED = 5;
export const MAX_PARALLEL = 16;
export const WINDOW_MS = 100;
/** Live reads a second; one in a hundred of those of the slow phase may be slower than promised. */
const READ_EVERY_MS = 10;

/** A database that shares its power among the queries under way: beyond its capacity each takes longer. */
class Origin {
  readonly #sleep: (ms: number) => Promise<void>;
  capacity: number = CAPACITY;
  workMs: number = BASE_MS;
  inFlight = 0;
  queries = 0;

  constructor(sleep: (ms: number) => Promise<void>) {
    this.#sleep = sleep;
  }

  async query(): Promise<number> {
    this.inFlight++;
    this.queries++;
    const ms = this.workMs * Math.max(1, this.inFlight / this.capacity);
    await this.#sleep(ms);
    this.inFlight--;
    return this.queries;
  }
}

/** How the origin becomes five times slower. */
const WAYS = {
  /** A fifth of the power: queries alone are as fast as before, and a fifth as many have room. */
  power: (origin: Origin, slow: boolean): void => {
    origin.capacity = slow ? CAPACITY / SLOWED : CAPACITY;
  },
  /** Five times the work: no query can be as fast as before, whoever warms or does not. */
  work: (origin: Origin, slow: boolean): void => {
    origin.workMs = slow ? BASE_MS * SLOWED : BASE_MS;
  },
};

interface Read {
  readonly began: number;
  readonly ms: number;
}

export interface Drive {
  readonly way: keyof typeof WAYS;
  readonly slowMs: number;
  /** `null`: nobody warms. */
  readonly warmer: CacheWarmerOptions | null;
}

/** What a drive showed. Times are in ms. */
export interface Driven {
  readonly limitBefore: number;
  readonly limitsAfter: readonly number[];
  /** Windows after the slowing until the limit was halved; 0: it was not. */
  readonly windowsToHalf: number;
  readonly healthyP99: number;
  readonly slowedP99: number;
  /** From the second second on. */
  readonly restP99: number;
  readonly secondsP99: readonly number[];
  readonly backAfterMs: number;
  /** How late the timers of this process were: p99. */
  readonly lateMs: number;
  readonly loadsPerSecond: { readonly healthy: number; readonly slowed: number; readonly recovered: number };
}

export const median = (values: readonly number[]): number => percentile([...values], 50);

/** Live readers whose every read goes to the origin, and a run that warms beside them; the origin is slowed in the middle. */
export async function drive(cache: Cache, { way, slowMs, warmer: options }: Drive): Promise<Driven> {
  const { clock } = cache.internals;
  const now = (): number => clock.monotonic();
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  const warmer = createCacheWarmer(cache, options ?? {});
  const origin = new Origin(sleep);
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
  const late: number[] = [];
  let running = true;
  const readers = (async () => {
    for (let nth = 0; running; nth++) {
      const began = now();
      void cache
        .getOrSet(`live:${nth}`, () => origin.query(), 60)
        .then(() => reads.push({ began, ms: now() - began }));
      await sleep(READ_EVERY_MS);
      late.push(now() - began - READ_EVERY_MS);
    }
  })();
  /** Those that began in it, and how many loads ended. */
  async function phase(ms: number) {
    const before = loads;
    const from = now();
    await sleep(ms);
    return { from, until: now(), loadsPerSecond: (1_000 * (loads - before)) / ms };
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
  const recoveredAt = now();
  // The limiter may rest before it tries again, and then it grows.
  while (
    run !== undefined &&
    options?.limiter !== false &&
    (windows.at(-1)?.limit ?? MAX_PARALLEL) < limitBefore
  ) {
    if (now() - recoveredAt > 60 * WINDOW_MS) break;
    await sleep(10);
  }
  const backAfterMs = Math.round(now() - recoveredAt);
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
    lateMs: percentile(late, 99),
    loadsPerSecond: {
      healthy: healthy.loadsPerSecond,
      slowed: slowed.loadsPerSecond,
      recovered: recovered.loadsPerSecond,
    },
  };
}

/** What live reads took beside a run, as multiples of what they took where nobody warmed. */
export interface Measured {
  /** From the second second on. */
  readonly ratio: number;
  readonly ratioOfAll: number;
  readonly ratioOfSecond: number;
  readonly slowSeconds: number;
  /** Loads after the origin has recovered, of those before it was slowed. */
  readonly rate: number;
  readonly limitBefore: number;
  readonly windowsToHalf: number;
  readonly lateMs: number;
}

/** The limiter of the runs. */
const limiter = { window: `${WINDOW_MS}ms` } as const;

/** A run with the limiter beside the same in which nobody warms, and what live reads took in both while the origin was slow. */
export async function measure(open: () => Cache, way: Drive["way"], slowMs: number): Promise<Measured> {
  const unwarmed = await drive(open(), { way, slowMs: Math.min(slowMs, 4_000), warmer: null });
  const warmed = await drive(open(), { way, slowMs, warmer: { limiter } });
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
    const line = JSON.stringify(figures, (_, value) => (typeof value === "number" ? rounded(value) : value));
    process.stdout.write(`${line}\n`);
  }
  return {
    ...{ ratio, ratioOfAll, ratioOfSecond, slowSeconds },
    rate: rounded(warmed.loadsPerSecond.recovered / warmed.loadsPerSecond.healthy),
    limitBefore: warmed.limitBefore,
    windowsToHalf: warmed.windowsToHalf,
    lateMs: Math.round(Math.max(unwarmed.lateMs, warmed.lateMs)),
  };
}

/** Whether it is as promised: live reads are spared, the limit falls within three windows, and the rate comes back. */
export function isSpared({ ratio, rate, limitBefore, windowsToHalf }: Measured, atMost: number): boolean {
  return (
    ratio <= atMost &&
    rate > 0.8 &&
    limitBefore >= MAX_PARALLEL / 2 &&
    windowsToHalf > 0 &&
    windowsToHalf <= 3
  );
}
