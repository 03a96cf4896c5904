import type { Duration } from "@crm/cache-core";

/**
 * A lock that is held. It is renewed until it is released or lost.
 *
 * ```ts
 * await using lock = await locks.acquire("invoices:7");
 * await db.update(invoice, { fence: lock.fence, signal: lock.signal });
 * ```
 */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  /** Identifies this acquisition. Who knows it may release or extend the lock: `cache.releaseLock(name, value)`. */
  readonly value: string;
  /**
   * Fencing token: higher than that of every earlier holder, also after the store lost its data. Below 2^53. A resource
   * that refuses lower ones is safe from holders that were paused; nothing else is.
   */
  readonly fence: number;
  /**
   * Aborts, with a `LockLostError`, when the lock is lost: at the latest when the last confirmed lease ends by this
   * process's monotonic clock, for which the store need not answer. A release does not abort it.
   */
  readonly signal: AbortSignal;
  /** Whether the confirmed lease still runs, by the clock at this very moment: right even before a timer can fire. */
  readonly held: boolean;
  /**
   * Begins the lease anew, with another length if one is given, which renewals then keep. Resolves to whether the lock is
   * still held. Rejects with `LockUnavailableError` when the store does not answer, `LockNotDurableError`,
   * and `LockNotOwnerError` after `release()`.
   */
  extend(ttl?: Duration): Promise<boolean>;
  /**
   * Gives it back; the next in the queue has it at once. Resolves to whether it was still held; a second call to
   * `false`. Rejects with `LockUnavailableError` when that could not be confirmed; it is then tried again in the
   * background. `await using` does the same and never rejects.
   */
  release(): Promise<boolean>;
}
