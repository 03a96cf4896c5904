import type { LockTaker, Wanted } from "./internal/lock-taker.ts";
import { EVERYTHING } from "./internal/token.ts";
import type { Lock } from "./lock.ts";
import type { LockInfo } from "./lock-info.ts";
import { checkLockName, type LockOptions } from "./options.ts";
import { checkBody } from "./semaphore.ts";

/** How one side of a read-write lock is taken. */
export interface ReadWriteLockSide {
  /** Rejects with `LockBusyError` or `LockTimeoutError`. */
  acquire(options?: Omit<LockOptions, "reentrant">): Promise<Lock>;
  /** `null` when it is not free. Does not wait unless `wait` is given. */
  tryAcquire(options?: Omit<LockOptions, "reentrant">): Promise<Lock | null>;
  withLock<T>(body: (lock: Lock) => T | Promise<T>): Promise<T>;
  withLock<T>(options: Omit<LockOptions, "reentrant">, body: (lock: Lock) => T | Promise<T>): Promise<T>;
}

/**
 * Many readers or one writer, across processes, first come, first served: a writer waits for the readers before it and
 * for nobody who comes after. A lock cannot be turned into the other kind while it is held.
 */
export interface ReadWriteLock {
  readonly name: string;
  readonly read: ReadWriteLockSide;
  readonly write: ReadWriteLockSide;
  /** Who reads or writes and how many wait. Changes nothing. Rejects with `LockUnavailableError`. */
  inspect(): Promise<LockInfo>;
  /** Takes it from all who hold it; they are told at once. Resolves to how many they were. */
  forceRelease(): Promise<number>;
}

/** Makes what `Locks.readWrite` returns. @throws InvalidKeyError */
export function makeReadWriteLock(taker: LockTaker, name: string): ReadWriteLock {
  checkLockName(name);

  function side(permits: number): ReadWriteLockSide {
    const wanted: Wanted = { kind: "r", name, permits, limit: EVERYTHING };
    return {
      acquire: async (options) => taker.acquire(wanted, options),
      tryAcquire: async (options) => taker.tryAcquire(wanted, options),
      async withLock<T>(
        options: LockOptions | ((lock: Lock) => T | Promise<T>),
        body?: (lock: Lock) => T | Promise<T>,
      ): Promise<T> {
        if (typeof options === "function") return taker.within(wanted, undefined, options);
        return taker.within(wanted, options, checkBody(options, body));
      },
    };
  }

  return {
    name,
    read: side(1),
    write: side(EVERYTHING),
    inspect: () => taker.inspect("r", name),
    forceRelease: () => taker.force("r", name),
  };
}
