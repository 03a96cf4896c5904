import { checkTags } from "./check-key.ts";
import { checkOptionNames, isOptions, type OptionNames } from "./check-options.ts";
import { dependencyTags } from "./dependencies.ts";
import type { Duration } from "./duration.ts";
import { parseDuration, parseDurationOrZero } from "./duration.ts";
import { InvalidOptionError } from "./errors.ts";
import type { EntryDefaults, GetOrSetOptions, MemoryTierOptions, SetOptions } from "./options.ts";

/** Settings of one fill or write, in milliseconds and without gaps. */
export interface ResolvedEntryOptions {
  readonly ttlMs: number;
  readonly staleMs: number;
  /** 0: a `null` is not stored. */
  readonly nullMs: number;
  readonly jitter: number;
  readonly earlyRefresh: number;
  /** 0: off. */
  readonly softMs: number;
  /** 0: off. */
  readonly hardMs: number;
  readonly failSafeMs: number;
  readonly throttleMs: number;
}

/** Redis keeps expiries as 48-bit milliseconds here; longer is a mistake. */
const DEFAULTS: ResolvedEntryOptions = {
  ttlMs: 300_000,
  staleMs: 0,
  nullMs: 0,
  jitter: 0,
  earlyRefresh: 0,
  softMs: 0,
  hardMs: 0,
  failSafeMs: 0,
  throttleMs: 10_000,
};

const ENTRY_DEFAULTS: OptionNames<EntryDefaults> = {
  ...{ ttl: true, staleTtl: true, nullTtl: true, jitter: true, earlyRefresh: true },
  ...{ softTimeout: true, hardTimeout: true, failSafeTtl: true, failSafeThrottle: true },
};
const GET_OR_SET_OPTIONS: OptionNames<GetOrSetOptions> = {
  ...ENTRY_DEFAULTS,
  ...{ tags: true, dependsOn: true, schema: true, forceRefresh: true, signal: true },
};
const SET_OPTIONS: OptionNames<SetOptions> = {
  ...{ ttl: true, staleTtl: true, tags: true, dependsOn: true, jitter: true },
};
const MEMORY_OPTIONS: OptionNames<MemoryTierOptions> = {
  ...{ maxEntries: true, maxBytes: true, maxEntryBytes: true, ttl: true, maxSilence: true },
};

/** The instance's settings over the built-in ones. */
export function resolveEntryDefaults(options: EntryDefaults | undefined): ResolvedEntryOptions {
  if (options === undefined) return DEFAULTS;
  const resolved = resolveEntryOptions(options, DEFAULTS, "defaults.");
  if (isOptions(options)) checkOptionNames(options, ENTRY_DEFAULTS, "defaults.");
  return resolved;
}

/** A call's settings over the instance's. */
export function resolveEntryOptions(
  options: Duration | GetOrSetOptions<unknown> | EntryDefaults | undefined,
  base: ResolvedEntryOptions,
  where: string = "options.",
): ResolvedEntryOptions {
  if (options === undefined) return base;
  if (typeof options !== "object") return { ...base, ttlMs: parseDuration(options, "ttl") };
  if (!isOptions(options)) {
    throw new InvalidOptionError({
      option: "options",
      received: options,
      expected: "a duration or an object",
    });
  }
  const resolved: ResolvedEntryOptions = {
    ttlMs: duration(options.ttl, base.ttlMs, `${where}ttl`),
    staleMs: durationOrZero(options.staleTtl, base.staleMs, `${where}staleTtl`),
    nullMs: durationOrZero(options.nullTtl, base.nullMs, `${where}nullTtl`),
    jitter: fraction(options.jitter, base.jitter, `${where}jitter`, 0.5),
    earlyRefresh: fraction(options.earlyRefresh, base.earlyRefresh, `${where}earlyRefresh`, 100),
    softMs: durationOrZero(options.softTimeout, base.softMs, `${where}softTimeout`),
    hardMs: durationOrZero(options.hardTimeout, base.hardMs, `${where}hardTimeout`),
    failSafeMs: durationOrZero(options.failSafeTtl, base.failSafeMs, `${where}failSafeTtl`),
    throttleMs: duration(options.failSafeThrottle, base.throttleMs, `${where}failSafeThrottle`),
  };
  if (resolved.softMs > 0 && resolved.hardMs > 0 && resolved.softMs >= resolved.hardMs) {
    throw new InvalidOptionError({
      options: [`${where}softTimeout`, `${where}hardTimeout`],
      reason: "the soft timeout has to be shorter than the hard one",
      advice: "Lower the one or raise the other.",
    });
  }
  return resolved;
}

/** Refuses names that are no option of `getOrSet`. @throws InvalidOptionError */
export function checkGetOrSetNames(options: object): void {
  checkOptionNames(options, GET_OR_SET_OPTIONS, "options.");
}

/** What `set` was given: a duration, or options. */
export function resolveSetOptions(
  options: Duration | SetOptions | undefined,
  base: ResolvedEntryOptions,
): { readonly entry: ResolvedEntryOptions; readonly tags: readonly string[] } {
  if (!isOptions(options)) {
    return { entry: resolveEntryOptions(options as Duration | undefined, base), tags: [] };
  }
  checkOptionNames(options, SET_OPTIONS, "options.");
  const { ttl, staleTtl, jitter } = options;
  return {
    entry: resolveEntryOptions({ ttl, staleTtl, jitter }, base),
    tags: [
      ...(options.tags === undefined ? [] : checkTags(options.tags)),
      ...(options.dependsOn === undefined ? [] : dependencyTags(options.dependsOn)),
    ],
  };
}

export interface ResolvedMemoryTierOptions {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly ttlMs: number;
  readonly maxSilenceMs: number;
}

/** `null` when the tier is off. */
export function resolveMemoryTier(
  memory: boolean | MemoryTierOptions | undefined,
): ResolvedMemoryTierOptions | null {
  if (memory === undefined || memory === false) return null;
  if (memory !== true && (typeof memory !== "object" || memory === null)) {
    throw new InvalidOptionError({
      option: "memory",
      received: memory,
      expected: "true, false or an object",
    });
  }
  const options = memory === true ? {} : memory;
  checkOptionNames(options, MEMORY_OPTIONS, "memory.");
  const maxBytes = whole(options.maxBytes, 67_108_864, "memory.maxBytes");
  return {
    maxEntries: whole(options.maxEntries, 10_000, "memory.maxEntries"),
    maxBytes,
    maxEntryBytes: whole(options.maxEntryBytes, Math.ceil(maxBytes / 64), "memory.maxEntryBytes"),
    ttlMs: duration(options.ttl, 60_000, "memory.ttl"),
    maxSilenceMs: duration(options.maxSilence, 1_000, "memory.maxSilence"),
  };
}

function duration(value: Duration | undefined, fallback: number, parameter: string): number {
  return value === undefined ? fallback : parseDuration(value, parameter);
}

function durationOrZero(value: Duration | undefined, fallback: number, parameter: string): number {
  return value === undefined ? fallback : parseDurationOrZero(value, parameter);
}

function fraction(value: number | undefined, fallback: number, option: string, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || !(value >= 0 && value <= max)) {
    throw new InvalidOptionError({ option, received: value, expected: `a number from 0 to ${max}` });
  }
  return value;
}

function whole(value: number | undefined, fallback: number, option: string): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidOptionError({ option, received: value, expected: "a whole number above 0" });
  }
  return value;
}
