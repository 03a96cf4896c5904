import { checkOptionNames, InvalidOptionError, type OptionNames } from "@crm/cache-core";
import type { LockTaker, Wanted } from "./internal/lock-taker.ts";
import type { Lock } from "./lock.ts";
import type { LockInfo } from "./lock-info.ts";
import { checkLockName, checkObject, type LockOptions, resolveCount } from "./options.ts";

const MAX_PERMITS = 1_000_000;
const SEMAPHORE_OPTIONS: OptionNames<SemaphoreOptions> = { permits: true };

/** How many permits a semaphore has in all. */
export interface SemaphoreOptions {
  /** Permits there are, 1 to 1,000,000. Processes that say different numbers each go by their own. */
  permits: number;
}

/** Options of one acquisition of permits, as of a mutex; a semaphore is not re-entrant. */
export interface PermitOptions extends Omit<LockOptions, "reentrant"> {
  /** Permits to take, all or none. @default 1 */
  permits?: number | undefined;
}

/** So many permits are held at a time, across processes. First come, first served: a large wish is not passed by. */
export interface Semaphore {
  readonly name: string;
  readonly permits: number;
  /** Rejects with `LockBusyError` or `LockTimeoutError` when there are not enough. */
  acquire(options?: PermitOptions): Promise<Lock>;
  /** `null` when there are not enough. Does not wait unless `wait` is given. */
  tryAcquire(options?: PermitOptions): Promise<Lock | null>;
  withPermit<T>(body: (lock: Lock) => T | Promise<T>): Promise<T>;
  withPermit<T>(options: PermitOptions, body: (lock: Lock) => T | Promise<T>): Promise<T>;
  /** Who holds permits and how many wait. Changes nothing. Rejects with `LockUnavailableError`. */
  inspect(): Promise<LockInfo>;
  /** Takes the permits of all who hold any; they are told at once. Resolves to how many they were. */
  forceRelease(): Promise<number>;
}

/** Makes what `Locks.semaphore` returns. @throws InvalidKeyError, InvalidOptionError */
export function makeSemaphore(taker: LockTaker, name: string, options: SemaphoreOptions): Semaphore {
  checkLockName(name);
  checkObject(options, "an object with `permits`");
  checkOptionNames(options, SEMAPHORE_OPTIONS);
  const limit = resolveCount("permits", options.permits, MAX_PERMITS);

  function wanted(taken: PermitOptions | undefined): Wanted {
    const permits = resolveCount("permits", taken?.permits ?? 1, limit);
    return { kind: "s", name, permits, limit };
  }

  return {
    name,
    permits: limit,
    acquire: async (taken) => taker.acquire(wanted(taken), taken),
    tryAcquire: async (taken) => taker.tryAcquire(wanted(taken), taken),
    async withPermit<T>(
      taken: PermitOptions | ((lock: Lock) => T | Promise<T>),
      body?: (lock: Lock) => T | Promise<T>,
    ): Promise<T> {
      if (typeof taken === "function") return taker.within(wanted(undefined), undefined, taken);
      return taker.within(wanted(taken), taken, checkBody(taken, body));
    },
    inspect: () => taker.inspect("s", name),
    forceRelease: () => taker.force("s", name),
  };
}

/** `options`: what stands before it; a body is all that may stand there alone. @throws InvalidOptionError */
export function checkBody<Body>(options: unknown, body: Body | undefined): Body {
  if (typeof body === "function") return body;
  const alone = body === undefined && typeof options !== "object";
  throw new InvalidOptionError({
    option: "body",
    received: alone ? options : body,
    expected: "a function to run under the lock",
  });
}
