import { InvalidOptionError } from "@crm/cache-core";
import { LockLostError, LockTimeoutError } from "./errors.ts";
import type { LockTaker } from "./internal/lock-taker.ts";
import type { Lock } from "./lock.ts";
import {
  checkLockName,
  DEFAULTS,
  type LockOptions,
  type LocksOptions,
  resolveLockOptions,
} from "./options.ts";

const MAX_LOCKS = 64;

/** Several locks that are held together. */
export interface SeveralLocks extends AsyncDisposable {
  /** In the order in which they were taken: sorted by name. */
  readonly locks: readonly Lock[];
  /** Fencing tokens by name. */
  readonly fences: ReadonlyMap<string, number>;
  /** Aborts when the first of them is lost. */
  readonly signal: AbortSignal;
  readonly held: boolean;
  /** Gives all back, the last one first. Resolves to whether all were still held. Rejects with `LockUnavailableError`. */
  release(): Promise<boolean>;
}

/** @throws InvalidKeyError, InvalidOptionError */
export function checkLockNames(names: unknown): readonly string[] {
  if (!Array.isArray(names) || names.length === 0 || names.length > MAX_LOCKS) {
    throw new InvalidOptionError({
      option: "names",
      received: names,
      expected: `an array of 1 to ${MAX_LOCKS} names`,
    });
  }
  names.forEach((name, i) => {
    checkLockName(name, `names[${i}]`);
  });
  // By code units: the same order in every process, whatever its locale.
  return [...new Set<string>(names)].sort();
}

/**
 * Takes mutexes one after the other in the order of their names, so that no two callers can wait for each other; within
 * one `wait`, and all or none: when one is lost before the last is taken, none is.
 */
export async function acquireSeveral(
  taker: LockTaker,
  names: readonly string[],
  options: LockOptions | undefined,
  defaults: LocksOptions,
): Promise<SeveralLocks> {
  const { waitMs } = resolveLockOptions(options, defaults, defaults.wait ?? DEFAULTS.wait);
  const clock = taker.engine.clock;
  const giveUpAt = clock.monotonic() + waitMs;
  const locks: Lock[] = [];
  try {
    for (const name of names) {
      const leftMs = giveUpAt - clock.monotonic();
      if (waitMs > 0 && leftMs <= 0) throw new LockTimeoutError(name, waitMs);
      const wait = waitMs === 0 ? 0 : (`${Math.ceil(leftMs)}ms` as const);
      const signal = anyOf(options?.signal, locks);
      locks.push(
        await taker.acquire({ kind: "m", name, permits: 1, limit: 1 }, { ...options, wait, signal }),
      );
    }
    // By the clock: a timer that would have told may not have run yet.
    const lost = locks.find((lock) => !lock.held);
    if (lost !== undefined) throw lost.signal.reason ?? new LockLostError(lost.name, lost.fence, "expired");
  } catch (error) {
    await disposeAll(locks);
    throw error;
  }

  let signal: AbortSignal | undefined;
  return {
    locks,
    fences: new Map(locks.map(({ name, fence }) => [name, fence])),
    get signal() {
      signal ??= AbortSignal.any(locks.map((lock) => lock.signal));
      return signal;
    },
    get held() {
      return locks.every((lock) => lock.held);
    },
    async release() {
      const results = await Promise.allSettled([...locks].reverse().map((lock) => lock.release()));
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return results.every((result) => result.status === "fulfilled" && result.value);
    },
    [Symbol.asyncDispose]: () => disposeAll(locks),
  };
}

/** What ends the wait for the next lock: the caller's signal, and the loss of one that is held already. */
function anyOf(signal: AbortSignal | undefined, locks: readonly Lock[]): AbortSignal | undefined {
  if (locks.length === 0) return signal;
  return AbortSignal.any([...(signal === undefined ? [] : [signal]), ...locks.map((lock) => lock.signal)]);
}

async function disposeAll(locks: readonly Lock[]): Promise<void> {
  await Promise.all([...locks].reverse().map((lock) => lock[Symbol.asyncDispose]()));
}
