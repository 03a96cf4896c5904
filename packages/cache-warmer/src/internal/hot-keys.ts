import type { TypedEmitter } from "@crm/cache-core";
import {
  type Cache,
  CacheClosedError,
  type CacheInternals,
  type Duration,
  type Fetcher,
  type GetOrSetOptions,
} from "@crm/cache-core";
import type { WarmerEvents } from "../events.ts";
import type { ResolvedHotKeyOptions } from "../options.ts";
import type { TaskBook } from "./task-book.ts";
import { ttlOf } from "./task-record.ts";
import { type TopKey, TopKeys } from "./top-keys.ts";

/** A key that is read a lot, with what its latest reader would have filled it with. */
export interface HotKey extends TopKey {
  /** The cache or scope it was read from, and its key there. */
  cache: Cache;
  key: string;
  fetcher: Fetcher<unknown> | undefined;
  options: Duration | GetOrSetOptions<unknown> | undefined;
  /** Ms of the store's clock; 0 while it is not known. */
  createdAt: number;
  freshUntil: number;
  /** How long the last refresh took, in ms; 0 before the first. */
  costMs: number;
  /** Monotonic ms at which it is to be refreshed. */
  dueAt: number;
  refreshing: boolean;
  watched: boolean;
  failures: number;
}

/** How often the ranking is looked at, in ms. */
const RANK_EVERY_MS = 1_000;
/** A refresh begins so much of the TTL before the end, at least. */
const LEAD_SHARE = 0.1;
/** While it is not known how long a refresh takes. */
const FIRST_LEAD_SHARE = 0.2;
/** And so many times as long as the last one took. */
const LEAD_COSTS = 3;
const RETRY_MS = 100;

/**
 * Finds the keys that are read most, and refreshes them before they expire. A refresh is a fenced fill that leaves alone what somebody
 * else has refreshed since: however many processes watch a key, it is loaded once a cycle.
 */
export class HotKeys {
  readonly sketch: TopKeys<HotKey>;
  readonly figures = { refreshed: 0, found: 0, failed: 0 };
  readonly #root: CacheInternals;
  readonly #settings: ResolvedHotKeyOptions;
  readonly #book: TaskBook;
  readonly #emitter: TypedEmitter<WarmerEvents>;
  readonly #stopObserving: () => void;
  #watched: HotKey[] = [];
  #refreshing = 0;
  #closed = false;
  #cancel: (() => void) | undefined;
  #cancelHalving: () => void = () => {};
  #rankedAt = Number.NEGATIVE_INFINITY;

  constructor(
    cache: Cache,
    settings: ResolvedHotKeyOptions,
    book: TaskBook,
    emitter: TypedEmitter<WarmerEvents>,
  ) {
    this.#root = cache.internals;
    this.#settings = settings;
    this.#book = book;
    this.#emitter = emitter;
    const { prefix } = this.#root;
    this.sketch = new TopKeys<HotKey>(
      settings.remembered,
      (name, count) => ({
        ...{ name, count, cache, key: "", fetcher: undefined, options: undefined },
        ...{ createdAt: 0, freshUntil: 0, costMs: 0, dueAt: 0 },
        ...{ refreshing: false, watched: false, failures: 0 },
      }),
      (dropped) => {
        dropped.watched = false;
      },
    );
    this.#stopObserving = this.#root.observeReads((from, key, fetcher, options, own) => {
      // A scope that is not ours to warm.
      if (own !== prefix && !belongsTo(own, prefix)) return;
      const hot = this.sketch.read(own === "" ? key : own + key);
      if (hot === undefined) return;
      hot.cache = from;
      hot.key = key;
      if (fetcher === undefined) return;
      hot.fetcher = fetcher;
      hot.options = options;
    });
    this.#halveLater();
    this.#schedule(RANK_EVERY_MS);
  }

  /** Reads that never happened here. */
  seed(cache: Cache, key: string, reads: number): HotKey | undefined {
    const hot = this.sketch.seed(cache.internals.prefix + key, reads);
    if (hot !== undefined) {
      hot.cache = cache;
      hot.key = key;
    }
    return hot;
  }

  close(): void {
    this.#closed = true;
    this.#stopObserving();
    this.#cancel?.();
    this.#cancelHalving();
    this.#watched = [];
  }

  #halveLater(): void {
    this.#cancelHalving = this.#root.clock.after(this.#settings.halfLifeMs, () => {
      this.sketch.halve();
      this.#halveLater();
    });
  }

  #schedule(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#root.clock.after(Math.max(1, ms), () => {
      this.#cancel = undefined;
      this.#tick().catch((error: unknown) => {
        // Closed before the warmer was: there is nothing left to keep warm.
        if (CacheClosedError.isInstance(error)) this.close();
        if (this.#closed) return;
        this.#root.logger.debug({ err: error }, "The store does not say when hot keys expire; asking again");
        this.#schedule(RANK_EVERY_MS);
      });
    });
  }

  async #tick(): Promise<void> {
    const now = this.#root.clock.monotonic();
    if (now - this.#rankedAt >= RANK_EVERY_MS) {
      this.#rankedAt = now;
      this.#rank();
    }
    await this.#learnTimes();
    if (this.#closed) return;
    for (const hot of this.#watched) {
      if (this.#refreshing >= this.#settings.maxParallel) break;
      if (!hot.refreshing && hot.freshUntil > 0 && hot.dueAt <= this.#root.clock.monotonic())
        this.#refresh(hot);
    }
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    if (this.#closed) return;
    const now = this.#root.clock.monotonic();
    let next = this.#rankedAt + RANK_EVERY_MS;
    if (this.#refreshing < this.#settings.maxParallel) {
      for (const { refreshing, freshUntil, dueAt } of this.#watched) {
        if (!refreshing && freshUntil > 0) next = Math.min(next, dueAt);
      }
    }
    this.#schedule(next - now);
  }

  #rank(): void {
    for (const hot of this.#watched) hot.watched = false;
    const { top, minReads } = this.#settings;
    this.#watched = [];
    for (const { key: hot, reads } of this.sketch.top(top)) {
      if (reads < minReads) break;
      if (this.#loaderOf(hot) === undefined) continue;
      hot.watched = true;
      this.#watched.push(hot);
    }
  }

  /** Asks the store, in one call a scope, when the keys expire of which that is not known. */
  async #learnTimes(): Promise<void> {
    const unknown = new Map<CacheInternals["prefix"], HotKey[]>();
    for (const hot of this.#watched) {
      if (hot.freshUntil > 0 || hot.refreshing) continue;
      const { prefix } = hot.cache.internals;
      const group = unknown.get(prefix);
      if (group === undefined) unknown.set(prefix, [hot]);
      else group.push(hot);
    }
    await Promise.all(
      [...unknown.values()].map(async (group) => {
        const { internals } = (group[0] as HotKey).cache;
        const times = await internals.times(group.map(({ key }) => key));
        group.forEach((hot, at) => {
          const entry = times[at];
          // Missing: the next reader fills it, and is then seen.
          if (entry != null && entry.freshUntil > 0) this.#note(hot, entry.createdAt, entry.freshUntil);
        });
      }),
    );
  }

  /** An entry is fresh until then: settles when it is to be refreshed. */
  #note(hot: HotKey, createdAt: number, freshUntil: number): void {
    const { clock, store, keys, random } = this.#root;
    hot.createdAt = createdAt;
    hot.freshUntil = freshUntil;
    const ttlMs = Math.max(0, freshUntil - createdAt);
    const lead =
      hot.costMs === 0
        ? FIRST_LEAD_SHARE * ttlMs
        : Math.min(ttlMs / 2, Math.max(LEAD_SHARE * ttlMs, LEAD_COSTS * hot.costMs));
    const leftMs = freshUntil - store.serverNow(keys.entry(hot.name));
    // Processes that watch the same key spread a little; the first one loads it, and the others find it loaded.
    hot.dueAt = clock.monotonic() + Math.max(0, leftMs - lead * (1 + 0.2 * random()));
  }

  #loaderOf(
    hot: HotKey,
  ): { fetcher: Fetcher<unknown>; options: Duration | GetOrSetOptions<unknown> | undefined } | undefined {
    const record = hot.cache.internals.prefix === this.#root.prefix ? this.#book.get(hot.key) : undefined;
    if (record?.fetcher !== undefined) {
      const fetcher = record.fetcher as Fetcher<unknown>;
      return {
        fetcher,
        options: { ...record.settings.entry, ttl: ttlOf(record) } as GetOrSetOptions<unknown>,
      };
    }
    return hot.fetcher === undefined ? undefined : { fetcher: hot.fetcher, options: hot.options };
  }

  #refresh(hot: HotKey): void {
    const loader = this.#loaderOf(hot);
    if (loader === undefined) return;
    const { clock } = this.#root;
    hot.refreshing = true;
    this.#refreshing++;
    const began = clock.monotonic();
    const { key, createdAt } = hot;
    const done = (look: boolean): void => {
      hot.refreshing = false;
      this.#refreshing--;
      if (this.#closed) return;
      if (look) this.#schedule(1);
      else this.#scheduleNext();
    };
    void hot.cache.internals
      .refill({ key, fetcher: loader.fetcher, options: loader.options, newerThan: createdAt })
      .then(
        ({ outcome }) => {
          const stored = outcome === "stored";
          if (stored) hot.costMs = Math.max(1, clock.monotonic() - began);
          if (stored || outcome === "found") {
            this.figures[stored ? "refreshed" : "found"]++;
            this.#emitter.emit("hot:refreshed", () => ({ key, outcome: stored ? "stored" : "found" }));
          }
          hot.failures = 0;
          // When the new entry was made only the store knows exactly, and a guess that is too early would take it for newer
          // than itself for ever.
          hot.freshUntil = 0;
          done(outcome === "stored" || outcome === "found");
        },
        (error: unknown) => {
          this.figures.failed++;
          hot.failures++;
          this.#emitter.emit("hot:failed", () => ({ key, error }));
          // Again before it expires, but not in a hurry.
          hot.dueAt = clock.monotonic() + Math.min(30_000, RETRY_MS * 2 ** Math.min(10, hot.failures));
          done(false);
        },
      );
  }
}

/** Whether a scope lies in another one. */
function belongsTo(prefix: string, outer: string): boolean {
  return outer === "" || prefix.startsWith(`${outer.slice(0, -1)}\u001e`);
}
