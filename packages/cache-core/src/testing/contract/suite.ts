import type { AtomicOperation } from "../../atomic-operation.ts";
import type { Cache } from "../../cache.ts";
import type { Clock } from "../../clock.ts";
import type { CacheEvents } from "../../events.ts";
import type { CacheOptions } from "../../options.ts";
import type { Store } from "../../store.ts";

/** A store to be tested, and how time passes for it. */
export interface ContractStore {
  readonly store: Store;
  /** The clock of the store, when it is not the system's; the caches of the suite use it too. */
  readonly clock?: Clock | undefined;
  /** Lets time pass. @default really waits */
  advance?(ms: number): Promise<void>;
  /** Called after the caches of the test are closed. */
  cleanup?(): Promise<void> | void;
}

/** The part of an assertion library that the suite uses: vitest's, jest's, or one of their shape. */
export interface ContractExpectation {
  readonly not: ContractExpectation;
  readonly rejects: {
    toBe(expected: unknown): Promise<unknown>;
    toMatchObject(expected: object): Promise<unknown>;
  };
  toBe(expected: unknown): unknown;
  toBeGreaterThan(expected: number): unknown;
  toBeLessThanOrEqual(expected: number): unknown;
  toContain(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
  toMatchObject(expected: object): unknown;
}

/** The test runner, passed in: the suite imports none. */
export interface ContractRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
  expect(actual: unknown, message?: string): ContractExpectation;
  beforeEach(body: () => Promise<void>): unknown;
  afterEach(body: () => Promise<void>): unknown;
}

/** How much of the contract is run. */
export interface ContractSettings {
  /** How many names the isolation of scopes is tried with. @default 10_000 */
  readonly scopeNames: number;
}

/** One test's view: caches on one namespace of its own, as many processes would have them. */
export interface ContractTest {
  readonly store: Store;
  readonly namespace: string;
  /** Whether the caches have the in-process tier. */
  readonly memory: boolean;
  readonly settings: ContractSettings;
  /** A further cache on the namespace of the test. It behaves like another process. */
  cache(options?: Partial<CacheOptions>): Cache;
  /** Lets at least so much time pass. */
  advance(ms: number): Promise<void>;
  /** As `advance`, until the key is no longer fresh: a process's estimate of the server's clock may be behind. */
  pass(cache: Cache, key: string, ms: number): Promise<void>;
  /** Waits until something is so. With the in-process tier others see a change when the bus delivers it. */
  until(predicate: () => Promise<boolean> | boolean, what: string): Promise<void>;
}

/** One chapter of the suite. */
export type Chapter = (runner: ContractRunner, test: TestFunction) => void;
export type TestFunction = (title: string, body: (test: ContractTest) => Promise<void>) => void;

/** A promise and its ends. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  return { promise, resolve, reject };
}

/** A fetcher that says when it has begun and ends when it is told. */
export function slowFetcher<T>(): {
  readonly fetcher: () => Promise<T>;
  readonly begun: Promise<void>;
  end(value: T): void;
  fail(reason: unknown): void;
  readonly calls: number;
} {
  const begun = deferred();
  const gate = deferred<T>();
  // A fetcher that is never asked may still be told to fail.
  gate.promise.catch(() => {});
  let calls = 0;
  return {
    fetcher: () => {
      calls++;
      begun.resolve();
      return gate.promise;
    },
    begun: begun.promise,
    end: gate.resolve,
    fail: gate.reject,
    get calls() {
      return calls;
    },
  };
}

/** Seconds by which an estimate of the server's clock may be behind. */
export const SLACK = 0.25;

/** Collects the payloads of an event. */
export function listen<E extends keyof CacheEvents>(cache: Cache, event: E): CacheEvents[E][] {
  const seen: CacheEvents[E][] = [];
  cache.on(event, (payload) => seen.push(payload));
  return seen;
}

/** Puts bytes where an entry lies, as somebody else would. */
export const overwriteEntry: AtomicOperation = {
  name: "contract:overwrite",
  lua: "-- KEYS: key. ARGV: bytes.\nredis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return 1",
  run(db, keys, args) {
    db.set(keys[0] as string, args[0] as Buffer, Math.floor(db.nowMs()) + 60_000);
    return 1;
  },
};

/** Puts a key of another type where an entry lies. */
export const makeForeign: AtomicOperation = {
  name: "contract:foreign",
  lua: "-- KEYS: key.\nredis.call('DEL', KEYS[1]) redis.call('SADD', KEYS[1], 'x') redis.call('PEXPIRE', KEYS[1], 60000) return 1",
  run(db, keys) {
    const key = keys[0] as string;
    db.del(key);
    db.sadd(key, "x");
    db.pexpireat(key, Math.floor(db.nowMs()) + 60_000);
    return 1;
  },
};

/** Loses a key, as an eviction does. */
export const lose: AtomicOperation = {
  name: "contract:lose",
  lua: "-- KEYS: key.\nreturn redis.call('DEL', KEYS[1])",
  run: (db, keys) => (db.del(keys[0] as string) ? 1 : 0),
};
