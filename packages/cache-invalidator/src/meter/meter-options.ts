import {
  type Clock,
  checkOptionNames,
  type Duration,
  type InvalidationEventPayload,
  InvalidOptionError,
  type Logger,
  type OptionNames,
  parseDuration,
  silentLogger,
  systemClock,
} from "@crm/cache-core";
import { structurallyEqual } from "./structurally-equal.ts";

/** What `createConsistencyMeter` takes. */
export interface ConsistencyMeterOptions {
  /**
   * The truth about a key, from where the fetchers read, not from a replica that lags behind. `null`: there is nothing (an
   * entry that holds something differs). `undefined`: cannot tell. It is asked only for keys that are still cached, and must
   * say the same twice while nothing changes: with a time of its own in each answer nothing is ever found.
   */
  readonly source: (key: string) => unknown;
  /** Share of the invalidated keys that is rechecked, above 0 up to 1. @default 0.001 */
  readonly sampleRate?: number | undefined;
  /** When to recheck, counted from the invalidation; 1 to 16 durations, ascending. @default ["1m", "5m", "10m"] */
  readonly delays?: readonly Duration[] | undefined;
  /**
   * Time between a look that differs and the second one that decides. Longer than a change takes from its commit to its
   * invalidation, or a change under way is taken for a loss.
   *
   * @default "10s"
   */
  readonly grace?: Duration | undefined;
  /** Whether a cached value is what the source says. @default structural equality */
  readonly equals?: ((cached: unknown, source: unknown) => boolean) | undefined;
  /** Keys that an invalidation by tag or pattern may have met, for those that the meter cannot know. @default none */
  readonly keysOf?: ((invalidation: InvalidationEventPayload) => Iterable<string>) | undefined;
  /**
   * Keys that were stored here last are remembered, up to this many, and matched against invalidated patterns. 0 to
   * 100,000; 0 switches it off.
   *
   * @default 1_000
   */
  readonly trackKeys?: number | undefined;
  /** What an anomaly is reported with, such as `invalidator.queryHistory` of the key. @default none */
  readonly historyOf?: ((key: string) => unknown) | undefined;
  /** Samples in memory, 1 to 1,000,000; further ones are dropped and counted. @default 10_000 */
  readonly maxPending?: number | undefined;
  /** Looks at the same time, 1 to 100. @default 4 */
  readonly concurrency?: number | undefined;
  /** @default the clock of this machine */
  readonly clock?: Clock | undefined;
  /** 0 to 1. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
}

/** The options with everything decided. Times in ms. */
export interface ResolvedMeterOptions {
  readonly source: (key: string) => unknown;
  readonly sampleRate: number;
  readonly delaysMs: readonly number[];
  readonly graceMs: number;
  readonly equals: (cached: unknown, source: unknown) => boolean;
  readonly keysOf: ((invalidation: InvalidationEventPayload) => Iterable<string>) | undefined;
  readonly trackKeys: number;
  readonly historyOf: ((key: string) => unknown) | undefined;
  readonly maxPending: number;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const OPTIONS: OptionNames<ConsistencyMeterOptions> = {
  ...{
    source: true,
    sampleRate: true,
    delays: true,
    grace: true,
    equals: true,
    keysOf: true,
    trackKeys: true,
  },
  ...{ historyOf: true, maxPending: true, concurrency: true, clock: true, random: true, logger: true },
};

/** Checks and completes the options. @throws InvalidOptionError, InvalidDurationError */
export function resolveMeterOptions(options: ConsistencyMeterOptions): ResolvedMeterOptions {
  if (typeof options?.source !== "function") {
    throw new InvalidOptionError({
      option: "source",
      received: options?.source,
      expected: "a function of a key",
    });
  }
  checkOptionNames(options, OPTIONS);
  for (const option of ["equals", "keysOf", "historyOf", "random"] as const) {
    const received: unknown = options[option];
    if (received === undefined || typeof received === "function") continue;
    throw new InvalidOptionError({ option, received, expected: "a function" });
  }
  const sampleRate = options.sampleRate ?? 0.001;
  if (typeof sampleRate !== "number" || !(sampleRate > 0 && sampleRate <= 1)) {
    throw new InvalidOptionError({
      option: "sampleRate",
      received: sampleRate,
      expected: "a number above 0 up to 1",
    });
  }
  const delays = options.delays ?? ["1m", "5m", "10m"];
  const delaysMs = Array.isArray(delays)
    ? delays.map((delay, i) => parseDuration(delay, `delays[${i}]`))
    : [];
  const ascending = delaysMs.every((ms, i) => i === 0 || ms > (delaysMs[i - 1] as number));
  if (delaysMs.length < 1 || delaysMs.length > 16 || !ascending) {
    throw new InvalidOptionError({
      option: "delays",
      received: options.delays,
      expected: "1 to 16 durations in ascending order",
    });
  }
  return {
    source: options.source,
    sampleRate,
    delaysMs,
    graceMs: parseDuration(options.grace ?? "10s", "grace"),
    equals: options.equals ?? structurallyEqual,
    keysOf: options.keysOf,
    trackKeys: checkInteger(options.trackKeys ?? 1_000, "trackKeys", 0, 100_000),
    historyOf: options.historyOf,
    maxPending: checkInteger(options.maxPending ?? 10_000, "maxPending", 1, 1_000_000),
    concurrency: checkInteger(options.concurrency ?? 4, "concurrency", 1, 100),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
  };
}

function checkInteger(value: number, option: string, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidOptionError({ option, received: value, expected: `an integer from ${min} to ${max}` });
}
