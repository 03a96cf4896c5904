import type { Clock } from "@crm/cache-core";

/**
 * Settles as the work does, unless that takes longer than `ms` or the signal aborts: then it rejects, and what becomes of
 * the work concerns nobody.
 */
export function inTime<T>(
  work: Promise<T>,
  { clock, ms, signal }: { readonly clock: Clock; readonly ms: number; readonly signal?: AbortSignal },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => end(() => reject(new Error("Nobody waits any more")));
    const cancel = clock.after(ms, () => end(() => reject(new Error(`There was no answer within ${ms} ms`))));
    function end(settle: () => void): void {
      cancel();
      signal?.removeEventListener("abort", giveUp);
      settle();
    }
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener("abort", giveUp);
    work.then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
  });
}
