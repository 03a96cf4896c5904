import type { Clock } from "./clock.ts";
import type { Codec } from "./codec.ts";
import type { KnownDependency } from "./dependencies.ts";
import type { Duration } from "./duration.ts";
import type { CacheEvents } from "./events.ts";
import type { BatchFetcher, Fetcher } from "./fetcher.ts";
import type { CoveredEntry, TogetherRequest } from "./internal/invalidate-together.ts";
import type { KeySpace } from "./key-space.ts";
import type { Lease } from "./lease.ts";
import type { Logger } from "./logger.ts";
import type {
  GetOptions,
  GetOrSetOptions,
  InvalidateOptions,
  SetOptions,
  SubscribeOptions,
} from "./options.ts";
import type { ReadObserver } from "./read-observer.ts";
import type { ReadCounting, ReadSink } from "./read-sink.ts";
import type { EntryTimes, RefillManyRequest, RefillRequest, RefillResult } from "./refill.ts";
import type { Store } from "./store.ts";

/**
 * A read-through cache over one store. Made by `createCache`.
 *
 * Every method rejects with a `CacheError` before anything is written when its input is wrong. Reads never reject
 * because the store is sick: they are misses. Writes tell: `set` resolves to whether the value was stored, an
 * invalidation that could not be applied rejects with `InvalidationPendingError` and is retried until it is.
 */
export interface Cache {
  readonly namespace: string;
  /** What packages that extend a cache build on: the store, the names of its keys, time and chance. */
  readonly internals: CacheInternals;

  /** The fresh value, or `null`. A stale entry is a miss here; `lookup` tells a cached `null` from none. */
  get<T = unknown>(key: string, options?: GetOptions<T>): Promise<T | null>;
  /** As `get`, in the order of the keys; one round trip a node. */
  getMany<T = unknown>(keys: readonly string[], options?: GetOptions<T>): Promise<(T | null)[]>;
  /** Stores a value and revokes the fills of the key that are under way. Resolves to whether it was stored. */
  set<T>(key: string, value: T, options?: Duration | SetOptions): Promise<boolean>;
  /** As `set` for many entries, one round trip a node. Resolves to the number stored. */
  setMany(entries: readonly SetEntry[]): Promise<number>;
  /** As `set`, with tags. */
  setWithTags<T>(key: string, value: T, tags: readonly string[], ttl?: Duration): Promise<boolean>;
  /** Removes entries. Resolves to how many there were. */
  del(...keys: string[]): Promise<number>;
  /** Whether a fresh value is stored. */
  exists(key: string): Promise<boolean>;
  /** The entry with what is known about it, fresh or stale, or `undefined`. */
  lookup<T = unknown>(key: string, options?: GetOptions<T>): Promise<CacheEntry<T> | undefined>;

  /**
   * Read-through. A fresh value is returned; a stale one too, while one refresh runs in the background; otherwise
   * the fetcher runs, once at a time for the key across all processes. A value whose fetch began before an
   * invalidation of its key, tag or pattern was acknowledged is never readable afterwards.
   */
  getOrSet<T>(key: string, fetcher: Fetcher<T>, options?: Duration | GetOrSetOptions<T>): Promise<T>;
  /** Read-through for many keys: one `MGET` a node, one call of the fetcher for all that are missing. */
  getOrSetMany<T>(
    keys: readonly string[],
    fetcher: BatchFetcher<T>,
    options?: Duration | GetOrSetOptions<T>,
  ): Promise<(T | null)[]>;
  /** Fresh until `freshTtl`, then stale until `staleTtl`, both counted from the write. */
  getWithStale<T>(key: string, fetcher: Fetcher<T>, freshTtl: Duration, staleTtl: Duration): Promise<T>;
  /**
   * The right to fill a key by hand: take it *before* querying the source, then `lease.fill(value)`. The fill is
   * refused when the key was invalidated in between, so it is as safe as `getOrSet`.
   */
  lease<T = unknown>(key: string): Promise<Lease<T>>;

  /** Removes (or, with `soft`, marks stale) the given keys. Resolves to how many entries there were. */
  invalidate(keys: string | readonly string[], options?: InvalidateOptions): Promise<number>;
  /** Removes every entry with the tag. Resolves to how many there were. */
  invalidateByTag(tag: string | readonly string[], options?: InvalidateOptions): Promise<number>;
  /** Removes every entry whose key matches the glob (Redis semantics: `*` crosses `:`). Resolves to how many. */
  invalidatePattern(glob: string | readonly string[], options?: InvalidateOptions): Promise<number>;
  /** Removes every entry of this namespace or scope. Resolves to how many there were. Sessions stay. */
  clear(): Promise<number>;

  /**
   * Sends a JSON message to every process that subscribes. Resolves to the number of receivers the server knows. A `Date` arrives as text;
   * what JSON would change in silence is refused.
   *
   * @throws UnserializableValueError
   */
  publish(channel: string, message: unknown): Promise<number>;
  /**
   * Listens on a channel. Resolves, once the subscription stands, to the function that ends it. Messages come at most
   * once; `options.onGap` tells when some may have been missed.
   */
  subscribe<T = unknown>(
    channel: string,
    handler: (message: T) => void,
    options?: SubscribeOptions,
  ): Promise<() => Promise<void>>;

  /** A view for one tenant: it cannot read, invalidate or count outside its scope. Nests. */
  scope(name: string): Cache;
  /** Adds the methods that `actions` returns. Refuses to replace a name that exists. */
  extend<A extends object>(actions: (cache: this) => A): this & A;

  /** What the cache does and how its store is. Never rejects: what the server does not tell is 0. */
  getStats(): Promise<CacheStats>;
  /** Where a key stands: tier, age, TTLs, tags, and why it would or would not be served. Changes nothing. */
  explain(key: string): Promise<Explanation>;
  /** Listens to an event; returns the function that ends it. An event costs nothing while nobody listens. */
  on<E extends keyof CacheEvents>(event: E, handler: (payload: CacheEvents[E]) => void): () => void;
  /** Resolves when the store answers, or its connect deadline has passed. Never needed; useful at start. */
  ready(): Promise<void>;
  /** Waits for what runs in the background, ends timers, and the connections that the cache's store opened. */
  close(): Promise<void>;
}

export type { CoveredEntry, TogetherRequest };

/** The parts of a cache that a package which extends it may use. Nothing here is checked or scoped. */
export interface CacheInternals {
  readonly store: Store;
  readonly keys: KeySpace;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly codec: Codec;
  /** The scope's part of every name: put it before keys and tags. Empty at the root. */
  readonly prefix: string;
  /** Names this process on the bus. */
  readonly instance: string;
  /** Keys, tags, patterns and dependencies in one invalidation, with a record for the history on the bus. */
  invalidate(request: TogetherRequest): Promise<number>;
  /** What patterns and dependencies cover now. Changes nothing. */
  list(request: Pick<TogetherRequest, "patterns" | "dependencies">): Promise<CoveredEntry[]>;
  /** Puts a record onto the bus that invalidates nothing. */
  appendRecord(record: object): Promise<void>;
  /** The bus keeps at least so many messages, and none longer than so many ms, from the next message of this process on. */
  keepHistory(messages: number, ageMs: number): void;
  /**
   * Fetches and stores a key that may be fresh, fenced as every fill is: what was written or invalidated since the fetch
   * began is never overwritten. Rejects with the fetcher's error, and with a `CacheError` for wrong input.
   */
  refill<T>(request: RefillRequest<T>): Promise<RefillResult>;
  /** As `refill` for many keys, with one call of the fetcher. Keys that somebody else is fetching are left to them. */
  refillMany<T>(request: RefillManyRequest<T>): Promise<RefillResult[]>;
  /** When entries were made and until when they are fresh, one round trip a slot group and 256 keys. Rejects when the store is away. */
  times(keys: readonly string[]): Promise<(EntryTimes | null)[]>;
  /** Tells of every read of one key, of this cache and its scopes. Returns the function that ends it. */
  observeReads(observer: ReadObserver): () => void;
  /**
   * Counts reads, of this cache and its scopes, for somebody who adds them up. Unlike `observeReads` and the event
   * `entry:hit` it costs a hit of the in-process tier nothing: such hits are counted on their entries and told in sums.
   */
  countReads(sink: ReadSink): ReadCounting;
  /** The events of the cache. */
  readonly emitter: {
    wants(event: keyof CacheEvents): boolean;
    emit<E extends keyof CacheEvents>(event: E, payload: CacheEvents[E]): void;
  };
}

/** One entry of `setMany`. */
export interface SetEntry extends SetOptions {
  key: string;
  value: unknown;
}

/** An entry with its metadata. */
export interface CacheEntry<T = unknown> {
  readonly value: T;
  readonly state: "fresh" | "stale";
  /** Seconds until it stops being fresh; 0 when it is stale. */
  readonly ttl: number;
  /** Seconds until it is gone. */
  readonly expiresIn: number;
  readonly createdAt: Date;
  readonly tags: readonly string[];
  readonly tier: "memory" | "store";
}

/** What `cache.getStats()` tells: counts since the cache was made, and the store as it is now. */
export interface CacheStats {
  readonly connected: boolean;
  /** Of this namespace's server, as in `"15.2MB"`. */
  readonly memory: string;
  readonly clients: number;
  /** Live entries of this namespace (or scope), without sessions. */
  readonly keys: number;
  readonly hits: number;
  readonly misses: number;
  /** hits / (hits + misses), 0 to 1; 0 before the first read. */
  readonly hitRate: number;
  readonly staleServed: number;
  /** Calls of fetchers, and how many fills were refused because of an invalidation. */
  readonly fetches: number;
  readonly revokedFills: number;
  readonly pendingInvalidations: number;
  readonly evictionPolicy: string | null;
  /** What an operator should know: promises that the server's settings weaken. */
  readonly warnings: readonly string[];
  /** The in-process tier; `null` when it is off. */
  readonly l1: MemoryTierStats | null;
}

/** The in-process tier, as `getStats().l1` tells it. Counts are of this process. */
export interface MemoryTierStats {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Whether its link to the bus is proven alive; when not, it does not answer. */
  readonly coherent: boolean;
  readonly flushes: number;
}

/** What `explain` found. */
export interface Explanation {
  readonly key: string;
  readonly found: "memory" | "store" | "nowhere";
  readonly state: "fresh" | "stale" | "missing" | "damaged" | "foreign";
  /** One sentence: why a read would or would not be served. */
  readonly reason: string;
  readonly ageSeconds: number | null;
  /** Seconds until it stops being fresh; 0 when it is stale. */
  readonly ttl: number | null;
  /** Seconds until it is gone. */
  readonly expiresIn: number | null;
  readonly tags: readonly string[];
  /** What it was made from, declared (`dependsOn`) or recorded (`track`): a change of one of these takes it. */
  readonly dependencies: readonly KnownDependency[];
  readonly bytes: number | null;
  readonly codec: string | null;
  /** Whether somebody holds the fill lease of the key. */
  readonly leased: boolean;
  /** Whether an invalidation that covers the key waits to be applied. */
  readonly invalidationPending: boolean;
}
