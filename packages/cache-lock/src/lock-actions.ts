import { type Cache, type Duration, InvalidOptionError, parseDuration } from "@crm/cache-core";
import { LockUnavailableError } from "./errors.ts";
import { GiveBacks } from "./internal/give-backs.ts";
import { LockCalls } from "./internal/lock-calls.ts";
import { type LockPlace, placeOf } from "./internal/lock-place.ts";
import { isClosed, isRefused } from "./internal/refusals.ts";
import { isToken, makeToken, newProcessId } from "./internal/token.ts";
import { checkLockName } from "./options.ts";

/** What `cache.extend(lockActions())` adds. The names are those of `createLocks`: both meet at the same locks. */
export interface LockActions {
  /**
   * Takes a lock for so many seconds, or answers `null` when somebody else holds it, or waits for it. Never waits and never renews.
   * Rejects with `LockUnavailableError` when the store does not answer: then nobody may go on.
   */
  acquireLock(name: string, ttl: Duration): Promise<string | null>;
  /** Gives a lock back. Resolves to whether it was still that holder's. */
  releaseLock(name: string, value: string): Promise<boolean>;
  /** Lets the lease begin anew. Resolves to whether the lock was still that holder's. */
  extendLock(name: string, value: string, ttl: Duration): Promise<boolean>;
}

/**
 * Adds `acquireLock`, `releaseLock` and `extendLock`. They reject with `LockUnavailableError` when the store does not answer, and with
 * `InvalidKeyError`, `InvalidOptionError` or `InvalidDurationError` for bad input, before anything is sent.
 */
export function lockActions(): (cache: Cache) => LockActions {
  return (cache) => {
    const { store, keys, prefix, clock } = cache.internals;
    const processId = newProcessId();
    const calls = new LockCalls(store, keys.base, processId, "");
    const giveBacks = new GiveBacks(
      async (place, token) => (await calls.release(place, token)).held,
      () => store.available,
      clock,
    );
    let serial = 0;

    function at(name: unknown): LockPlace {
      return placeOf(keys, "m", prefix, checkLockName(name));
    }

    async function answered<T>(place: LockPlace, call: Promise<T>): Promise<T> {
      try {
        return await call;
      } catch (cause) {
        throw new LockUnavailableError(place.name, "store", cause);
      }
    }

    return {
      async acquireLock(name, ttl) {
        const place = at(name);
        const ttlMs = parseDuration(ttl, "ttl");
        const token = makeToken(processId, serial++, 1, 1, ttlMs);
        const call = calls.acquire(place, token, ttlMs, 0, false, undefined);
        const { fence } = await answered(place, call).catch((error) => {
          // What was sent may stand all the same.
          if (!isRefused(error) && !isClosed(error)) giveBacks.add(place, token, ttlMs);
          throw error;
        });
        return fence === undefined ? null : token;
      },

      async releaseLock(name, value) {
        const place = at(name);
        if (!isToken(checkValue(value))) return false;
        return (await answered(place, calls.release(place, value))).held;
      },

      async extendLock(name, value, ttl) {
        const place = at(name);
        const ttlMs = parseDuration(ttl, "ttl");
        if (!isToken(checkValue(value))) return false;
        return (await answered(place, calls.renew(place, value, ttlMs, undefined))) !== undefined;
      },
    };
  };
}

function checkValue(value: unknown): string {
  if (typeof value === "string") return value;
  throw new InvalidOptionError({
    option: "value",
    received: value,
    expected: "what `acquireLock` resolved to",
  });
}
