import type { Duration } from "./duration.ts";
import type { BatchFetcher, Fetcher } from "./fetcher.ts";
import type { GetOrSetOptions } from "./options.ts";

/** How a refill ended. */
export type RefillOutcome =
  /** The fetched value is stored. */
  | "stored"
  /** There is a fresh entry newer than asked for, or somebody fetched one meanwhile: nothing was fetched. */
  | "found"
  /** Somebody else is fetching the key, and a batch does not wait. Nothing was fetched. */
  | "held"
  /** Fetched and refused: the key was written or invalidated since the fetch began, or its lease was lost. */
  | "refused"
  /** The fetcher returned `null` or `undefined`, or called `skipStore()`. */
  | "empty"
  /** The store could not be used. */
  | "unavailable"
  /** Only in a batch: the value of this key could not be encoded. */
  | "failed";

/** What became of a refill. */
export interface RefillResult {
  readonly outcome: RefillOutcome;
  /** Bytes of the payload that was stored, else 0. */
  readonly bytes: number;
  /** Until when the entry is fresh, in ms of the store's clock; 0 when that is not known. */
  readonly freshUntil: number;
  readonly error?: unknown;
}

/** A fenced fill of a key that may be fresh. */
export interface RefillRequest<T = unknown> {
  readonly key: string;
  readonly fetcher: Fetcher<T>;
  readonly options?: Duration | GetOrSetOptions<T> | undefined;
  /** A fresh entry that was made later than this (ms of the store's clock) is left alone. -1: any fresh one is. */
  readonly newerThan: number;
  /** Aborts the fetcher's signal, with the same reason, and nothing else. */
  readonly signal?: AbortSignal | undefined;
}

/** As `RefillRequest` for many keys, with one call of the fetcher. */
export interface RefillManyRequest<T = unknown> {
  readonly keys: readonly string[];
  readonly fetcher: BatchFetcher<T>;
  readonly options?: Duration | GetOrSetOptions<T> | undefined;
  /** As of a single key: ms of the store's clock, or -1. */
  readonly newerThan: number;
}

/** When an entry was made and until when it is fresh (0: it was marked stale): ms of the store's clock. */
export interface EntryTimes {
  readonly createdAt: number;
  readonly freshUntil: number;
  readonly expiresAt: number;
}
