import { type Clock, FetchTimeoutError } from "@crm/cache-core";

/** The result of `work`, or a rejection with `FetchTimeoutError` after so many ms. What it ends with later interests nobody. */
export async function inTime<T>(work: Promise<T>, ms: number, key: string, clock: Clock): Promise<T> {
  let cancel: () => void = () => {};
  const timeout = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(new FetchTimeoutError({ key, timeoutMs: ms })));
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    cancel();
    work.catch(() => {});
  }
}
