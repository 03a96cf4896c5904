import { setTimeout as sleep } from "node:timers/promises";

/** What {@link waitFor} takes. */
export interface WaitForOptions {
  /** Milliseconds until it gives up. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds between two attempts. @default 5 */
  readonly intervalMs?: number | undefined;
  /** What is waited for, for the error. @default the source of the predicate */
  readonly description?: string | undefined;
}

/**
 * Waits until `predicate` returns something truthy, and returns that. The event loop runs between attempts. A predicate
 * that throws or rejects is taken for "not yet"; its last error is the `cause` of the timeout.
 *
 * @example
 * ```ts
 * await waitFor(() => events.length === 3, { timeoutMs: 500, description: "three events" });
 * ```
 */
export async function waitFor<T>(
  predicate: () => T | PromiseLike<T>,
  options: WaitForOptions = {},
): Promise<Exclude<T, false | 0 | "" | null | undefined>> {
  const { timeoutMs = 5_000, intervalMs = 5, description = predicate.toString() } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await predicate();
      if (value) return value as Exclude<T, false | 0 | "" | null | undefined>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`Not within ${timeoutMs} ms: ${description}`, cause === undefined ? {} : { cause });
    }
    await sleep(intervalMs);
  }
}
