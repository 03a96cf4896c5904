import { hostname } from "node:os";
import { type Cache, InvalidOptionError, TypedEmitter } from "@crm/cache-core";
import { LOCK_EVENTS, type LockEvents } from "./events.ts";
import { LockEngine } from "./internal/lock-engine.ts";
import { LockTaker, type Wanted } from "./internal/lock-taker.ts";
import type { Lock } from "./lock.ts";
import type { LockInfo } from "./lock-info.ts";
import {
  checkLockName,
  checkLocksOptions,
  checkOwner,
  type LockOptions,
  type LocksOptions,
} from "./options.ts";
import { makeReadWriteLock, type ReadWriteLock } from "./read-write-lock.ts";
import { checkBody, makeSemaphore, type Semaphore, type SemaphoreOptions } from "./semaphore.ts";
import { acquireSeveral, checkLockNames, type SeveralLocks } from "./several-locks.ts";

/** Locks across processes, over the store of a cache. Made by `createLocks`. */
export interface Locks {
  /**
   * Takes a mutex, or waits for it in the order of arrival. Rejects with `LockBusyError` (it did not want to wait), `LockTimeoutError`,
   * `LockUnavailableError` (nobody can say), `LockNotDurableError`, `LockAbortedError` (closed), the reason of
   * the caller's signal, and errors of bad input.
   */
  acquire(name: string, options?: LockOptions): Promise<Lock>;
  /** As `acquire`, but `null` when others hold it, and without waiting unless `wait` is given. */
  tryAcquire(name: string, options?: LockOptions): Promise<Lock | null>;
  /** Runs the function under the lock. Its result, or its error, is the caller's, whatever becomes of the release. */
  withLock<T>(name: string, body: (lock: Lock) => T | Promise<T>): Promise<T>;
  withLock<T>(name: string, options: LockOptions, body: (lock: Lock) => T | Promise<T>): Promise<T>;
  /**
   * Takes several mutexes, all or none, in one fixed order: callers with overlapping sets cannot block each other. Rejects as `acquire`
   * does, and with `LockLostError` when one of them was lost before the last was taken.
   */
  acquireAll(names: readonly string[], options?: LockOptions): Promise<SeveralLocks>;
  /** A semaphore. Its names do not meet those of mutexes. Nothing is sent yet. */
  semaphore(name: string, options: SemaphoreOptions): Semaphore;
  /** A read-write lock. Its names do not meet those of mutexes. Nothing is sent yet. */
  readWrite(name: string): ReadWriteLock;
  /** Who holds a mutex and how many wait. Changes nothing. Rejects with `LockUnavailableError`. */
  inspect(name: string): Promise<LockInfo>;
  /**
   * Takes a mutex from its holder, who is told at once and whose fence is the lower one from now on; the next in the queue
   * has it. Resolves to whether somebody held it. Rejects with `LockUnavailableError`.
   */
  forceRelease(name: string): Promise<boolean>;
  /** Listens to an event; returns the function that ends it. */
  on<E extends keyof LockEvents>(event: E, handler: (payload: LockEvents[E]) => void): () => void;
  /**
   * Ends timers and the subscription. Who waits is rejected with `LockAbortedError`; what calls under way have taken for them is given
   * back, for which it waits a second at most. Locks that are held count as lost and are not renewed any more; they can still be released
   * while the cache is open, and end with their leases otherwise.
   */
  close(): Promise<void>;
}

/**
 * Makes locks over the store of a cache. Keys lie under the cache's namespace, in its scope; no invalidation touches
 * them. Close it before the cache. Throws `InvalidOptionError`, `InvalidDurationError`.
 *
 * ```ts
 * const locks = createLocks(cache);
 * await locks.withLock(`invoices:${id}`, async (lock) => {
 *   await sendInvoice(id, { signal: lock.signal, fence: lock.fence });
 * });
 * ```
 */
export function createLocks(cache: Cache, options: LocksOptions = {}): Locks {
  if ((cache as Cache | null)?.internals?.store === undefined) {
    throw new InvalidOptionError({
      option: "cache",
      received: cache,
      expected: "a cache, as `createCache` makes it",
    });
  }
  checkLocksOptions(options);
  const { store, keys, clock, logger, prefix } = cache.internals;
  const owner = checkOwner(options.owner ?? `${hostname()}:${process.pid}`.slice(0, 128));
  const emitter = new TypedEmitter<LockEvents>(LOCK_EVENTS, (error) =>
    logger.error({ err: error }, "A listener of a lock event failed"),
  );
  const engine = new LockEngine({ store, base: keys.base, clock, logger, emitter, owner });
  const taker = new LockTaker(engine, keys, prefix, options);

  function mutex(name: unknown): Wanted {
    return { kind: "m", name: checkLockName(name), permits: 1, limit: 1 };
  }

  return {
    acquire: async (name, lockOptions) => await taker.acquire(mutex(name), lockOptions),
    tryAcquire: async (name, lockOptions) => await taker.tryAcquire(mutex(name), lockOptions),
    async withLock<T>(
      name: string,
      lockOptions: LockOptions | ((lock: Lock) => T | Promise<T>),
      body?: (lock: Lock) => T | Promise<T>,
    ): Promise<T> {
      if (typeof lockOptions === "function") return taker.within(mutex(name), undefined, lockOptions);
      return taker.within(mutex(name), lockOptions, checkBody(lockOptions, body));
    },
    acquireAll: async (names, lockOptions) =>
      acquireSeveral(taker, checkLockNames(names), lockOptions, options),
    semaphore: (name, semaphoreOptions) => makeSemaphore(taker, name, semaphoreOptions),
    readWrite: (name) => makeReadWriteLock(taker, name),
    inspect: async (name) => taker.inspect("m", checkLockName(name)),
    forceRelease: async (name) => (await taker.force("m", checkLockName(name))) > 0,
    on: (event, handler) => emitter.on(event, handler),
    close: () => engine.close(),
  };
}
