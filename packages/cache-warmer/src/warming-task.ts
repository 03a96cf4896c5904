import type { BatchFetcher, Duration, FetchContext, GetOrSetOptions } from "@crm/cache-core";

/** Further settings of the entries that a task makes, as `getOrSet` takes them. */
export type WarmingEntryOptions = Pick<
  GetOrSetOptions,
  "staleTtl" | "tags" | "dependsOn" | "jitter" | "earlyRefresh" | "failSafeTtl"
>;

/** What tasks and families have in common. */
export interface WarmingSettings {
  /** Fresh for this long. Seconds, or a duration such as `"5m"`. @default the cache's */
  ttl?: Duration | undefined;
  /** 1 to 10; 10 is loaded first. @default 5 */
  priority?: number | undefined;
  /** For `warmCategory` and the metrics: 1 to 128 bytes. @default "default" */
  category?: string | undefined;
  /**
   * Keys of tasks, or names of families, that must have ended before this one begins, when they are in the same run. They
   * inherit its priority. If one fails, this one is not tried.
   */
  dependsOn?: readonly string[] | undefined;
  /** A load that takes longer is given up: its signal aborts, and it is tried again if `retries` allow. @default the warmer's */
  timeout?: Duration | undefined;
  /** How often a failed load is tried again, 0 to 20. @default the warmer's */
  retries?: number | undefined;
  /** Tags, stale window and the like. */
  entry?: WarmingEntryOptions | undefined;
}

/** One key, and how it is loaded. */
export interface WarmingTask<T = unknown> extends WarmingSettings {
  key: string;
  /**
   * Brings the value. `null` or `undefined` skips the task. Its signal aborts at the timeout, when the run is aborted, and when
   * the warmer is closed. Called without a `this`.
   */
  fetcher(context: FetchContext<T>): T | null | undefined | Promise<T | null | undefined>;
}

/** Many keys of a kind: one registration, and one query for each batch. */
export interface WarmingFamily<T = unknown> extends WarmingSettings {
  /** Names the family among tasks. */
  name: string;
  /** The keys, asked for anew in each run. */
  keys: (context: {
    readonly signal: AbortSignal;
  }) => AsyncIterable<string> | Iterable<string> | Promise<Iterable<string>>;
  /** Brings the values of up to `batchSize` keys, in their order or as a `Map`. */
  batchFetcher: BatchFetcher<T>;
  /** 1 to 1,000. @default 100 */
  batchSize?: number | undefined;
}
