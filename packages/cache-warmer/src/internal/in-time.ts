import { type Clock, FetchTimeoutError } from "@crm/cache-core";

export interface TimeLimit {
  readonly clock: Clock;
  readonly ms: number;
  /** What is waited for, in the error. */
  readonly key: string;
  /** Ends the wait, too. */
  readonly signal: AbortSignal;
}

/**
 * The result of `work`, or a rejection with `FetchTimeoutError` when its time is over, or with the signal's reason. What it ends with later
 * interests nobody: who is asked may pay no heed to a signal.
 */
export async function inTime<T>(work: Promise<T>, { clock, ms, key, signal }: TimeLimit): Promise<T> {
  let stop: () => void = () => {};
  const giveUp = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    const cancel = clock.after(ms, () => reject(new FetchTimeoutError({ key, timeoutMs: ms })));
    stop = () => {
      cancel();
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, giveUp]);
  } finally {
    stop();
    work.catch(() => {});
  }
}
