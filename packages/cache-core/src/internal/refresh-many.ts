import type { RefillResult } from "../refill.ts";
import type { BatchRequest } from "./fill-batch.ts";
import { refillMany } from "./refill.ts";
import type { Shared } from "./shared.ts";

/** A key that is found and to be refreshed, unless there is a fresh entry that is newer than what is known. */
export interface DueKey {
  readonly key: string;
  readonly full: string;
  readonly known: number;
}

/** One call of the fetcher for all that is due, that nobody else is fetching, and whose source did not fail a moment ago. */
export function refreshMany(
  shared: Shared,
  request: Omit<BatchRequest, "background">,
  due: readonly DueKey[],
): void {
  const { throttle } = shared;
  const wanted = due.filter(({ full }) => !throttle.has(full));
  if (wanted.length === 0) return;
  const refilling = refillMany(shared, {
    ...request,
    keys: wanted.map(({ key }) => key),
    fulls: wanted.map(({ full }) => full),
    newerThan: wanted.map(({ known }) => known),
  });
  followRefresh(shared, wanted, request.options.throttleMs, refilling);
}

/** Nobody waits for a refresh: its failure is told to the log and an event, and its source is left alone for a while. */
export function followRefresh(
  { throttle, logger, emitter }: Shared,
  keys: readonly { readonly key: string; readonly full: string }[],
  throttleMs: number,
  refreshing: Promise<readonly RefillResult[]>,
): void {
  const failed = (error: unknown): void => {
    for (const { full } of keys) throttle.add(full, throttleMs);
    const first = keys[0]?.key;
    logger.warn(
      { err: error, key: first, keys: keys.length },
      "A background refresh failed; the stale values stay",
    );
    if (emitter.wants("background:error")) emitter.emit("background:error", { where: "refresh", error });
  };
  refreshing.then((results) => {
    const broken = results.find(({ outcome }) => outcome === "failed");
    if (broken !== undefined) failed(broken.error);
  }, failed);
}
