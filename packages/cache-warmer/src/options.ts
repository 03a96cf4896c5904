import {
  checkOptionNames,
  type Duration,
  InvalidOptionError,
  type OptionNames,
  parseDuration,
} from "@crm/cache-core";
import { LEASE_MAX_MS } from "./scripts/step-tasks.ts";

/** How warming goes, unless a task or a call says otherwise. */
export interface CacheWarmerOptions {
  /** Loads in flight at most, over all instances of the namespace. 1 to 1,000. @default 5 */
  maxParallel?: number | undefined;
  /** A load that takes longer is given up. @default "30s" */
  timeout?: Duration | undefined;
  /** How often a failed load is tried again, 0 to 20. @default 2 */
  retries?: number | undefined;
  /** Wait before the first repetition; doubled for each further one up to 30 s, a random half of it taken off. @default "200ms" */
  retryDelay?: Duration | undefined;
  /**
   * How long a task stays taken after its instance has died: then another one takes over. Renewed three times as often. 500 ms to
   * 60 s. @default "3s"
   */
  leaseTtl?: Duration | undefined;
  /** Loads give way when the origin slows down. `false`: always `maxParallel`. @default true */
  limiter?: boolean | WarmingLimiterOptions | undefined;
  /** Finds the keys that are read most and refreshes them before they expire. @default false */
  hotKeys?: boolean | HotKeyOptions | undefined;
  /** A run that cannot reach the store for so long gives up what is left. @default "10s" */
  storePatience?: Duration | undefined;
}

/** How the adaptive limit of loads in flight behaves. */
export interface WarmingLimiterOptions {
  /** Never fewer loads in flight. @default 1 */
  min?: number | undefined;
  /** Loads in flight at the start. @default `maxParallel` of the run */
  initial?: number | undefined;
  /** How long loads are gathered before the limit is judged. 10 ms to 60 s. @default "1s" */
  window?: Duration | undefined;
  /** How much slower than its best the origin may be before the limit falls, 1.05 to 10. @default 1.3 */
  tolerance?: number | undefined;
}

/** How hot keys are found and kept warm. */
export interface HotKeyOptions {
  /** Keys that are refreshed ahead, 1 to 1,000. @default 100 */
  top?: number | undefined;
  /** Keys that a snapshot holds, `top` to 8,192. @default 4_096 */
  remembered?: number | undefined;
  /** Reads count half after this long. 1 s or more. @default "10m" */
  halfLife?: Duration | undefined;
  /** Keys with fewer reads, halved as above, are not refreshed. @default 10 */
  minReads?: number | undefined;
  /** How many of them are refreshed at the same time, 1 to 100. @default 4 */
  maxParallel?: number | undefined;
}

/** How one run goes. */
export interface WarmOptions {
  /** `false`: one after the other. @default true */
  parallel?: boolean | undefined;
  /** Loads in flight at most, over all instances of the namespace. 1 to 1,000. @default the warmer's */
  maxParallel?: number | undefined;
  /** Ends the run: nothing more is begun, the signals of fetchers abort, and the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** @default the warmer's */
  timeout?: Duration | undefined;
  /** @default the warmer's */
  retries?: number | undefined;
  /**
   * What another instance has loaded this recently is not loaded again. What this instance has loaded itself in an earlier run
   * is. 0: load everything that nobody is loading now. @default "1m"
   */
  maxAge?: Duration | undefined;
}

/** Options of `performStartupWarming`. */
export interface StartupOptions extends WarmOptions {
  /** The readiness probe opens when every task of this priority or a higher one has ended. 1 to 10. @default 8 */
  readyAt?: number | undefined;
  /** The probe opens at the latest after this long, which is reported. @default "30s" */
  deadline?: Duration | undefined;
}

/** Options of `startBackgroundWarming`. */
export interface BackgroundOptions extends Omit<WarmOptions, "signal"> {
  /** A run every so many minutes, beginning that long from now. Fractions are fine. */
  minutes?: number | undefined;
  /** Runs by a cron pattern, with seconds if it has six fields: `"*\/15 * * * *"`. Instead of `minutes`. */
  cron?: string | undefined;
  /** IANA name of the time zone of `cron`. @default the process's */
  timezone?: string | undefined;
  /** Only the tasks of this category. @default all */
  category?: string | undefined;
}

/** The defaults, as they stand in the README. */
export const DEFAULTS = {
  maxParallel: 5,
  timeout: "30s",
  retries: 2,
  retryDelay: "200ms",
  leaseTtl: "3s",
  storePatience: "10s",
  maxAge: "1m",
  readyAt: 8,
  deadline: "30s",
  limiter: { min: 1, window: "1s", tolerance: 1.3 },
  hotKeys: { top: 100, remembered: 4_096, halfLife: "10m", minReads: 10, maxParallel: 4 },
} as const;

export interface ResolvedLimiterOptions {
  readonly min: number;
  readonly initial: number | undefined;
  readonly windowMs: number;
  readonly tolerance: number;
}

export interface ResolvedHotKeyOptions {
  readonly top: number;
  readonly remembered: number;
  readonly halfLifeMs: number;
  readonly minReads: number;
  readonly maxParallel: number;
}

export interface ResolvedWarmerOptions {
  readonly maxParallel: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly leaseMs: number;
  readonly storePatienceMs: number;
  readonly limiter: ResolvedLimiterOptions | null;
  readonly hotKeys: ResolvedHotKeyOptions | null;
}

export interface ResolvedWarmOptions {
  readonly maxParallel: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly maxAgeMs: number;
  readonly signal: AbortSignal | undefined;
}

const WARMER_OPTIONS: OptionNames<CacheWarmerOptions> = {
  ...{ maxParallel: true, timeout: true, retries: true, retryDelay: true, leaseTtl: true },
  ...{ limiter: true, hotKeys: true, storePatience: true },
};
const LIMITER_OPTIONS: OptionNames<WarmingLimiterOptions> = {
  ...{ min: true, initial: true, window: true, tolerance: true },
};
const HOT_KEY_OPTIONS: OptionNames<HotKeyOptions> = {
  ...{ top: true, remembered: true, halfLife: true, minReads: true, maxParallel: true },
};
const WARM_OPTIONS: OptionNames<WarmOptions> = {
  ...{ parallel: true, maxParallel: true, signal: true, timeout: true, retries: true, maxAge: true },
};
const STARTUP_OPTIONS: OptionNames<StartupOptions> = { ...WARM_OPTIONS, readyAt: true, deadline: true };
const BACKGROUND_OPTIONS: OptionNames<BackgroundOptions> = {
  ...{ parallel: true, maxParallel: true, timeout: true, retries: true, maxAge: true },
  ...{ minutes: true, cron: true, timezone: true, category: true },
};

/** @throws InvalidOptionError, InvalidDurationError */
export function resolveWarmerOptions(options: CacheWarmerOptions | undefined): ResolvedWarmerOptions {
  checkObject("options", options);
  const given = options ?? {};
  checkOptionNames(given, WARMER_OPTIONS);
  // Defaults by destructuring, here and below: `null` is a mistake, and not what was left out.
  const {
    maxParallel = DEFAULTS.maxParallel,
    timeout = DEFAULTS.timeout,
    retries = DEFAULTS.retries,
  } = given;
  const { retryDelay = DEFAULTS.retryDelay, leaseTtl = DEFAULTS.leaseTtl } = given;
  const { storePatience = DEFAULTS.storePatience, limiter, hotKeys } = given;
  return {
    maxParallel: whole("maxParallel", maxParallel, 1, 1_000),
    timeoutMs: parseDuration(timeout, "timeout"),
    retries: checkRetries(retries),
    retryDelayMs: parseDuration(retryDelay, "retryDelay"),
    leaseMs: between("leaseTtl", leaseTtl, 500, LEASE_MAX_MS, "from 500 ms to 60 s"),
    storePatienceMs: parseDuration(storePatience, "storePatience"),
    limiter: resolveLimiter(limiter),
    hotKeys: resolveHotKeys(hotKeys),
  };
}

/** Per call over instance over default. @throws InvalidOptionError, InvalidDurationError */
export function resolveWarmOptions(
  options: WarmOptions | undefined,
  base: ResolvedWarmerOptions,
  names: Readonly<Record<string, true>> = WARM_OPTIONS,
): ResolvedWarmOptions {
  checkObject("options", options);
  checkOptionNames(options ?? {}, names);
  const { parallel = true, maxParallel = base.maxParallel, signal, timeout, retries } = options ?? {};
  const { maxAge = DEFAULTS.maxAge } = options ?? {};
  if (typeof parallel !== "boolean") {
    throw new InvalidOptionError({ option: "parallel", received: parallel, expected: "a boolean" });
  }
  if (signal !== undefined && typeof (signal as AbortSignal | null)?.addEventListener !== "function") {
    throw new InvalidOptionError({ option: "signal", received: signal, expected: "an AbortSignal" });
  }
  const most = whole("maxParallel", maxParallel, 1, 1_000);
  return {
    maxParallel: parallel ? most : 1,
    timeoutMs: timeout === undefined ? base.timeoutMs : parseDuration(timeout, "timeout"),
    retries: retries === undefined ? base.retries : checkRetries(retries),
    maxAgeMs: orZero(maxAge, "maxAge"),
    signal,
  };
}

/** @throws InvalidOptionError, InvalidDurationError */
export function resolveStartupOptions(
  options: StartupOptions | undefined,
  base: ResolvedWarmerOptions,
): ResolvedWarmOptions & { readonly readyAt: number; readonly deadlineMs: number } {
  const resolved = resolveWarmOptions(options, base, STARTUP_OPTIONS);
  const { readyAt = DEFAULTS.readyAt, deadline = DEFAULTS.deadline } = options ?? {};
  return {
    ...resolved,
    readyAt: whole("readyAt", readyAt, 1, 10),
    deadlineMs: parseDuration(deadline, "deadline"),
  };
}

/** All but the schedule. @throws InvalidOptionError, InvalidDurationError */
export function resolveBackgroundOptions(
  options: BackgroundOptions,
  base: ResolvedWarmerOptions,
): ResolvedWarmOptions {
  return resolveWarmOptions(options, base, BACKGROUND_OPTIONS);
}

/** @throws InvalidOptionError, InvalidDurationError */
export function resolveRestoreOptions(
  options: WarmOptions | undefined,
  base: ResolvedWarmerOptions,
): ResolvedWarmOptions {
  return resolveWarmOptions(options, base, {
    ...WARM_OPTIONS,
    batchFetcher: true,
    ttl: true,
    batchSize: true,
  });
}

/** @throws InvalidOptionError */
export function checkRetries(retries: unknown): number {
  return whole("retries", retries, 0, 20);
}

/** @throws InvalidOptionError */
export function whole(option: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  const expected = `a whole number from ${min} to ${max}`;
  throw new InvalidOptionError({ option, received: value, expected });
}

/** @throws InvalidOptionError */
export function checkObject(option: string, value: unknown): void {
  // An array, a `Date` or a `Map` in the place of options is a mistake.
  if (value === undefined || Object.prototype.toString.call(value) === "[object Object]") return;
  throw new InvalidOptionError({ option, received: value, expected: "an object" });
}

function orZero(value: Duration, parameter: string): number {
  return value === 0 ? 0 : parseDuration(value, parameter);
}

function between(option: string, value: Duration, min: number, max: number, range: string): number {
  const ms = parseDuration(value, option);
  if (ms >= min && ms <= max) return ms;
  throw new InvalidOptionError({ option, received: value, expected: `a duration ${range}` });
}

function resolveLimiter(limiter: CacheWarmerOptions["limiter"]): ResolvedLimiterOptions | null {
  if (limiter === false) return null;
  if (limiter !== true) checkObject("limiter", limiter);
  const given = limiter === true || limiter === undefined ? {} : limiter;
  checkOptionNames(given, LIMITER_OPTIONS, "limiter.");
  const defaults = DEFAULTS.limiter;
  const { min = defaults.min, initial, window = defaults.window, tolerance = defaults.tolerance } = given;
  if (typeof tolerance !== "number" || !(tolerance >= 1.05 && tolerance <= 10)) {
    const expected = "a number from 1.05 to 10";
    throw new InvalidOptionError({ option: "limiter.tolerance", received: tolerance, expected });
  }
  whole("limiter.min", min, 1, 1_000);
  if (initial !== undefined) whole("limiter.initial", initial, 1, 1_000);
  if (initial !== undefined && initial < min) {
    throw new InvalidOptionError({
      options: ["limiter.min", "limiter.initial"],
      reason: "the limit cannot begin below its minimum",
      advice: "Lower the one or raise the other.",
    });
  }
  const windowMs = between("limiter.window", window, 10, 60_000, "from 10 ms to 60 s");
  return { min, initial, windowMs, tolerance };
}

function resolveHotKeys(hotKeys: CacheWarmerOptions["hotKeys"]): ResolvedHotKeyOptions | null {
  if (hotKeys === undefined || hotKeys === false) return null;
  if (hotKeys !== true) checkObject("hotKeys", hotKeys);
  const given = hotKeys === true ? {} : hotKeys;
  checkOptionNames(given, HOT_KEY_OPTIONS, "hotKeys.");
  const defaults = DEFAULTS.hotKeys;
  const { top = defaults.top, halfLife = defaults.halfLife, minReads = defaults.minReads } = given;
  whole("hotKeys.top", top, 1, 1_000);
  const { remembered = Math.max(top, defaults.remembered), maxParallel = defaults.maxParallel } = given;
  return {
    top,
    remembered: whole("hotKeys.remembered", remembered, top, 8_192),
    halfLifeMs: between("hotKeys.halfLife", halfLife, 1_000, 315_360_000_000, "of 1 s or more"),
    minReads: whole("hotKeys.minReads", minReads, 1, 1_000_000_000),
    maxParallel: whole("hotKeys.maxParallel", maxParallel, 1, 100),
  };
}
