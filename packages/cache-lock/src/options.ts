import {
  checkOptionNames,
  type Duration,
  InvalidKeyError,
  InvalidOptionError,
  type OptionNames,
  parseDuration,
} from "@crm/cache-core";
import type { LockKind } from "./internal/lock-place.ts";
import type { PermitOptions } from "./semaphore.ts";

/** What must have acknowledged a lock before it counts as acquired, or as renewed. */
export interface LockDurability {
  /** Replicas, 1 to 100. */
  replicas: number;
  /** How long to wait for them, 1 ms to 60 s. @default "1s" */
  timeout?: Duration | undefined;
}

/** How a lock is taken. */
export interface LockOptions {
  /** Lease: so long it outlives its holder. Renewed until it is released. 50 ms to 24 h. @default "10s" */
  ttl?: Duration | undefined;
  /** How long to wait for it in the queue; 0 does not wait. @default "10s" (`tryAcquire`: 0) */
  wait?: Duration | undefined;
  /** Gives up waiting. Rejects with the signal's reason. Once the lock is held it has no effect. */
  signal?: AbortSignal | undefined;
  /** Renew at a third of the lease, again at two thirds and at five sixths if needed. @default true */
  renew?: boolean | undefined;
  /**
   * Inside `withLock` on the same name: share the lock that the surrounding call holds, instead of waiting for it for
   * ever. @default false
   */
  reentrant?: boolean | undefined;
  /** Wait for replicas, or undo it and reject with `LockNotDurableError`. @default none */
  durability?: LockDurability | undefined;
}

/** Defaults for every lock of an instance. */
export interface LocksOptions {
  /** @default "10s" */
  ttl?: Duration | undefined;
  /** @default "10s" */
  wait?: Duration | undefined;
  /** @default true */
  renew?: boolean | undefined;
  /** @default none */
  durability?: LockDurability | undefined;
  /** Shown by `inspect` as the holder: 1 to 128 bytes of text. @default `<host name>:<process id>` */
  owner?: string | undefined;
}

/** The defaults, as they stand in the README. */
export const DEFAULTS: {
  readonly ttl: Duration;
  readonly wait: Duration;
  readonly replicaTimeout: Duration;
} = {
  ttl: "10s",
  wait: "10s",
  replicaTimeout: "1s",
};

const OF_READ_WRITE: OptionNames<Omit<LockOptions, "reentrant">> = {
  ...{ ttl: true, wait: true, signal: true, renew: true, durability: true },
};
const OF_MUTEX: OptionNames<LockOptions> = { ...OF_READ_WRITE, reentrant: true };
const OF_SEMAPHORE: OptionNames<PermitOptions> = { ...OF_READ_WRITE, permits: true };
/** What each kind of lock takes for one acquisition: a mutex is re-entrant, a semaphore has permits. */
const LOCK_OPTIONS: Readonly<Record<LockKind, Readonly<Record<string, true>>>> = {
  m: OF_MUTEX,
  s: OF_SEMAPHORE,
  r: OF_READ_WRITE,
};
const LOCKS_OPTIONS: OptionNames<LocksOptions> = {
  ...{ ttl: true, wait: true, renew: true, durability: true, owner: true },
};
const DURABILITY: OptionNames<LockDurability> = { replicas: true, timeout: true };

const MIN_TTL_MS = 50;
const MAX_TTL_MS = 86_400_000;

/** Checked, with the defaults filled in; durations in ms. */
export interface ResolvedLockOptions {
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly renew: boolean;
  readonly reentrant: boolean;
  readonly durability: { readonly replicas: number; readonly timeoutMs: number } | undefined;
}

/** Per call over instance over default. @throws InvalidOptionError, InvalidDurationError */
export function resolveLockOptions(
  options: LockOptions | undefined,
  base: LocksOptions,
  wait: Duration,
  kind: LockKind = "m",
): ResolvedLockOptions {
  if (options !== undefined) {
    checkObject(options);
    checkOptionNames(options, LOCK_OPTIONS[kind]);
  }
  const { signal } = options ?? {};
  if (signal !== undefined && typeof (signal as AbortSignal | null)?.addEventListener !== "function") {
    throw new InvalidOptionError({ option: "signal", received: signal, expected: "an AbortSignal" });
  }
  return {
    ttlMs: resolveTtl(options?.ttl ?? base.ttl ?? DEFAULTS.ttl),
    waitMs: resolveWait(options?.wait ?? wait),
    signal,
    renew: resolveFlag("renew", options?.renew ?? base.renew ?? true),
    reentrant: resolveFlag("reentrant", options?.reentrant ?? false),
    durability: resolveDurability(options?.durability ?? base.durability),
  };
}

/** The defaults of an instance, as they were given. @throws InvalidOptionError, InvalidDurationError */
export function checkLocksOptions(options: LocksOptions): void {
  checkObject(options);
  checkOptionNames(options, LOCKS_OPTIONS);
  // A wrong default is told here and not at the first lock.
  resolveLockOptions(undefined, options, options.wait ?? DEFAULTS.wait);
}

/** An array, a `Date` or a `Map` in the place of options is a mistake. @throws InvalidOptionError */
export function checkObject(options: unknown, expected = "an object"): void {
  if (Object.prototype.toString.call(options) === "[object Object]") return;
  throw new InvalidOptionError({ option: "options", received: options, expected });
}

/** @throws InvalidOptionError, InvalidDurationError */
export function resolveTtl(ttl: Duration): number {
  const ttlMs = parseDuration(ttl, "ttl");
  if (ttlMs < MIN_TTL_MS || ttlMs > MAX_TTL_MS) {
    throw new InvalidOptionError({
      option: "ttl",
      received: ttl,
      expected: "a duration from 50 ms to 24 h",
      advice: "A lock is renewed while it is held: the lease need only outlive a pause of the process.",
    });
  }
  return ttlMs;
}

function resolveWait(wait: Duration): number {
  return wait === 0 || wait === "0ms" || wait === "0s" ? 0 : parseDuration(wait, "wait");
}

function resolveFlag(option: string, value: unknown): boolean {
  if (typeof value !== "boolean")
    throw new InvalidOptionError({ option, received: value, expected: "a boolean" });
  return value;
}

function resolveDurability(durability: LockDurability | undefined): ResolvedLockOptions["durability"] {
  if (durability === undefined) return undefined;
  if (typeof durability !== "object" || durability === null) {
    throw new InvalidOptionError({
      option: "durability",
      received: durability,
      expected: "an object with `replicas`",
    });
  }
  checkOptionNames(durability, DURABILITY, "durability.");
  const replicas = resolveCount("durability.replicas", durability.replicas, 100);
  const timeoutMs = parseDuration(durability.timeout ?? DEFAULTS.replicaTimeout, "durability.timeout");
  if (timeoutMs > 60_000) {
    throw new InvalidOptionError({
      option: "durability.timeout",
      received: durability.timeout,
      expected: "a duration up to 60 s",
    });
  }
  return { replicas, timeoutMs };
}

/** A whole number from 1. @throws InvalidOptionError */
export function resolveCount(option: string, value: unknown, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new InvalidOptionError({ option, received: value, expected: `a whole number from 1 to ${max}` });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Half a pair has no UTF-8 form: two names would meet as U+FFFD in Redis. */
const LONE_SURROGATE = /\p{Cs}/u;

/** The name of a lock: the rules of a key. Data, never a glob. @throws InvalidKeyError */
export function checkLockName(name: unknown, parameter: string = "name"): string {
  if (isText(name, 1_024)) return name;
  throw new InvalidKeyError({ parameter, received: name });
}

/** @throws InvalidOptionError */
export function checkOwner(owner: unknown): string {
  if (isText(owner, 128)) return owner;
  const expected = "a string of 1 to 128 bytes without control characters";
  throw new InvalidOptionError({ option: "owner", received: owner, expected });
}

function isText(value: unknown, maxBytes: number): value is string {
  return (
    typeof value === "string" &&
    value.length > 0 &&
    value.length <= maxBytes &&
    Buffer.byteLength(value) <= maxBytes &&
    !CONTROL.test(value) &&
    !LONE_SURROGATE.test(value)
  );
}
