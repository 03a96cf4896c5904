import type {
  CacheInternals,
  Clock,
  Duration,
  FetchContext,
  GetOrSetOptions,
  RefillOutcome,
} from "@crm/cache-core";
import { inTime } from "./in-time.ts";
import type { TaskRecord } from "./task-record.ts";

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
  /** Told of each key that is fresh now, and until when. */
  readonly onFresh: (record: TaskRecord, key: string, freshUntil: number) => void;
}

/** Beyond the fetcher's timeout: for waiting until somebody else's fill of the key has ended. */
export const WAIT_MS = 2_000;

/** Loads one task once, through the fenced fill. Rejects with the fetcher's error, or at the timeout. */
export async function loadTask(request: LoadRequest): Promise<LoadResult> {
  const { internals, record, timeoutMs, newerThan, signal } = request;
  const fetcher = record.fetcher as (context: FetchContext<unknown>) => unknown;
  const work = internals.refill<unknown>({
    key: record.name,
    fetcher: (context) => fetcher(withSignal(context, signal)),
    options: entryOptions(record, timeoutMs),
    newerThan,
  });
  const result = await inTime(work, timeoutMs + WAIT_MS, record.name, request.clock);
  if (result.freshUntil > 0) request.onFresh(record, record.name, result.freshUntil);
  const stored = result.outcome === "stored";
  return { outcome: result.outcome, keys: stored ? 1 : 0, bytes: result.bytes };
}

/** The options of the entries that a task makes. */
export function entryOptions(record: TaskRecord, timeoutMs: number): GetOrSetOptions<never> {
  const hardTimeout: Duration = `${timeoutMs}ms`;
  return { ...record.entry, ttl: record.ttl, hardTimeout };
}

/** The context of a fetcher with a signal that also aborts with another one; made only for a fetcher that looks at it. */
export function withSignal(context: FetchContext<unknown>, signal: AbortSignal): FetchContext<unknown> {
  let both: AbortSignal | undefined;
  return {
    key: context.key,
    previous: context.previous,
    setTtl: context.setTtl,
    addTags: context.addTags,
    skipStore: context.skipStore,
    get signal() {
      both ??= AbortSignal.any([context.signal, signal]);
      return both;
    },
  };
}
