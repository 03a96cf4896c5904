import type {
  CacheInternals,
  Clock,
  Fetcher,
  GetOrSetOptions,
  RefillOutcome,
  RefillResult,
} from "@crm/cache-core";
import { type TaskRecord, ttlOf } from "./task-record.ts";

/** How a load ended, if it did not throw. */
export interface LoadResult {
  readonly outcome: RefillOutcome;
  readonly keys: number;
  readonly bytes: number;
  /** With the outcome "failed", of a family: the first error. Some of its keys may be stored all the same. */
  readonly error?: unknown;
}

export interface LoadRequest {
  readonly internals: CacheInternals;
  readonly clock: Clock;
  readonly record: TaskRecord;
  readonly timeoutMs: number;
  /** Fresh entries made later than this (ms of the store's clock) stay as they are. */
  readonly newerThan: number;
  /** Aborts with the run. */
  readonly signal: AbortSignal;
}

/** Beyond the fetcher's timeout: for waiting until somebody else's fill of the key has ended. */
export const WAIT_MS = 2_000;

/** What an earlier attempt has stored, and of which only the answer was lost, may have been made in the very millisecond. */
export const sinceOf = (newerThan: number, attempt: number): number =>
  attempt > 1 ? newerThan - 1 : newerThan;

/** Loads one task once, through the fenced fill. Rejects with the fetcher's error, or at its timeout; waiting for others has no end. */
export function loadTask(request: LoadRequest): Promise<RefillResult> {
  const { internals, record, timeoutMs, newerThan, signal } = request;
  return internals.refill<unknown>({
    key: record.name,
    fetcher: record.fetcher as Fetcher<unknown>,
    options: entryOptions(record, timeoutMs),
    newerThan,
    signal,
  });
}

/** The options of the entries that a task makes. */
export function entryOptions(record: TaskRecord, timeoutMs: number): GetOrSetOptions<never> {
  const ttl = ttlOf(record);
  const hardTimeout = timeoutMs / 1_000;
  const { entry } = record.settings;
  return entry === undefined ? { ttl, hardTimeout } : { ...entry, ttl, hardTimeout };
}
