import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Clock } from "./clock.ts";
import type { Codec } from "./codec.ts";
import type { Dependency } from "./dependencies.ts";
import type { Duration } from "./duration.ts";
import type { Logger } from "./logger.ts";
import type { Store } from "./store.ts";

/** What `createCache` takes. */
export interface CacheOptions {
  /** Where entries live: `memoryStore()`, `redisStore(…)` or `storeFromEnv(process.env)`. */
  store: Store;
  /** Names this cache on the store. 1 to 64 characters of `A-Z a-z 0-9 . _ -`. @default "cache" */
  namespace?: string | undefined;
  /**
   * The in-process tier in front of the store. Off by default: with it, another process sees a change as soon as the
   * bus delivers it (about a millisecond), not at the moment the change is acknowledged. `true` takes its defaults.
   * @default false
   */
  memory?: boolean | MemoryTierOptions | undefined;
  /** How values become bytes. @default jsonCodec() */
  codec?: Codec | undefined;
  /** Compresses payloads above a threshold. @default off */
  compression?: boolean | CompressionOptions | undefined;
  /** What holds for an entry unless the call says otherwise. */
  defaults?: EntryDefaults | undefined;
  /** How long the right to fill a key outlives its holder; the holder renews it. 250 ms to 60 s. @default "3s" */
  leaseTtl?: Duration | undefined;
  /** pino, or anything of its shape. @default silent */
  logger?: Logger | undefined;
  /** @default the system's clock */
  clock?: Clock | undefined;
  /** Uniform in [0, 1). @default Math.random */
  random?: (() => number) | undefined;
}

/** Bounds of the in-process tier. Both bounds hold at once. */
export interface MemoryTierOptions {
  /** @default 10_000 */
  maxEntries?: number | undefined;
  /** Estimated bytes of all entries. @default 67_108_864 (64 MiB) */
  maxBytes?: number | undefined;
  /** Larger entries stay in the store only. @default maxBytes / 64 */
  maxEntryBytes?: number | undefined;
  /** Upper bound on an entry's stay; its own remaining TTL bounds it too. @default "60s" */
  ttl?: Duration | undefined;
  /** The tier answers only while its link to the bus was proven alive this recently. @default "1s" */
  maxSilence?: Duration | undefined;
}

/** When and how payloads are compressed. */
export interface CompressionOptions {
  /** Payloads of at least this many bytes are compressed. @default 1024 */
  thresholdBytes?: number | undefined;
  /** @default "deflate" */
  algorithm?: "deflate" | "brotli" | undefined;
}

/** Settings of an entry that an instance may preset. */
export interface EntryDefaults {
  /** Fresh for this long. @default "5m" */
  ttl?: Duration | undefined;
  /** Served stale for this long *after* `ttl`, while one refresh runs. @default 0 */
  staleTtl?: Duration | undefined;
  /** Store a fetched `null` for this long. @default a `null` is not stored */
  nullTtl?: Duration | undefined;
  /** Spreads expiry: the TTL is multiplied by a random factor from `1 - jitter` to 1. 0 to 0.5. @default 0 */
  jitter?: number | undefined;
  /** XFetch: refresh early with a probability that grows towards expiry; 1 is the paper's optimum, 0 is off. @default 0 */
  earlyRefresh?: number | undefined;
  /** After this long a stale value, when there is one, is served and the fetcher goes on in the background. @default off */
  softTimeout?: Duration | undefined;
  /** After this long the fetcher's signal aborts and the caller gets `FetchTimeoutError`. @default off */
  hardTimeout?: Duration | undefined;
  /**
   * Fail-safe: how long past its stale window a value is kept, to be served when the fetcher fails. @default off
   */
  failSafeTtl?: Duration | undefined;
  /** After a failed fetch the fail-safe value is served this long before the fetcher is tried again. @default "10s" */
  failSafeThrottle?: Duration | undefined;
}

/** What `set` takes beside the value. */
export interface SetOptions {
  /** Seconds, or a duration such as `"5m"`. @default the instance's `ttl` */
  ttl?: Duration | undefined;
  /** Kept, as stale, for this long after `ttl`. @default the instance's `staleTtl` */
  staleTtl?: Duration | undefined;
  /** Names by which `invalidateByTag` finds the entry. At most 64. */
  tags?: readonly string[] | undefined;
  /** Entities that the value was made from: `"companies"` for any of them, `["companies", id]` for one. */
  dependsOn?: readonly Dependency[] | undefined;
  /** @default the instance's `jitter` */
  jitter?: number | undefined;
}

/** What `getOrSet` takes beside the fetcher. */
export interface GetOrSetOptions<T = unknown> extends EntryDefaults {
  /** Names by which `invalidateByTag` finds the entry. At most 64. */
  tags?: readonly string[] | undefined;
  /**
   * Entities that the value is made from: `"companies"` for any of them, `["companies", id]` for one. What the fetcher
   * tracks (`track`) is added.
   */
  dependsOn?: readonly Dependency[] | undefined;
  /**
   * Checks what comes from the cache; a mismatch is a miss. Its output is what the caller gets, so defaults and conversions
   * of the schema apply; what a fetcher returns is not checked. Must validate synchronously.
   */
  schema?: StandardSchemaV1<unknown, T> | undefined;
  /** Skip reading: fetch and store, still one fetch at a time. @default false */
  forceRefresh?: boolean | undefined;
  /** Aborts the wait of this caller; the shared fetch goes on for the others. Aborted before the call, nothing is asked. */
  signal?: AbortSignal | undefined;
}

/** What `get` takes beside the key. */
export interface GetOptions<T = unknown> {
  /**
   * Checks what comes from the cache; a mismatch is a miss. Its output is what the caller gets, so defaults and conversions
   * of the schema apply; what a fetcher returns is not checked. Must validate synchronously.
   */
  schema?: StandardSchemaV1<unknown, T> | undefined;
}

/** How an invalidation treats what it finds. */
export interface InvalidateOptions {
  /**
   * `true` marks entries stale instead of removing them: readers that accept stale values get the old one, flagged,
   * while one refresh runs. @default false
   */
  soft?: boolean | undefined;
}

/** How a subscription is kept. */
export interface SubscribeOptions {
  /**
   * Called after the connection was lost and replaced, once the subscription stands again: messages sent meanwhile are
   * gone, so whatever was derived from them has to be asked for anew. Never called by a store that cannot miss any.
   */
  onGap?: (() => void) | undefined;
}
