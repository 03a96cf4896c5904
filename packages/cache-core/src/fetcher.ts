import type { Duration } from "./duration.ts";

/** What a fetcher is told and may decide while it runs. */
export interface FetchContext<T = unknown> {
  readonly key: string;
  /** Aborts at the hard timeout and when the cache is closed. */
  readonly signal: AbortSignal;
  /** The value that is being replaced, when one is left: for conditional requests. */
  readonly previous: { readonly value: T; readonly ageMs: number } | undefined;
  /** Overrides the TTL for this value. */
  setTtl(ttl: Duration, staleTtl?: Duration): void;
  /** Adds tags to this value. */
  addTags(...tags: string[]): void;
  /** This value is returned but not stored. */
  skipStore(): void;
}

/** Brings a value from its source. `undefined` and, without `nullTtl`, `null` are returned but not stored. */
export type Fetcher<T> = (context: FetchContext<T>) => T | Promise<T>;

/**
 * Brings many values at once. Given the keys that are missing, returns their values in the same order, or by key;
 * a key without a value, or with `undefined`, is a miss that stays one.
 */
export type BatchFetcher<T> = (
  keys: readonly string[],
  context: { readonly signal: AbortSignal },
) => Promise<readonly (T | null | undefined)[] | ReadonlyMap<string, T | null>>;
