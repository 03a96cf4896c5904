import type { Cache, CacheEntry, CacheInternals, CacheStats, Explanation, SetEntry } from "../cache.ts";
import { checkChannel, checkKey, checkKeys, checkScope, checkTags } from "../check-key.ts";
import { checkSchema, checkSignal, isOptions } from "../check-options.ts";
import { dependencyTags, inheritDependencies, isOwnTag } from "../dependencies.ts";
import { type Duration, parseDuration } from "../duration.ts";
import {
  CacheClosedError,
  ExtendConflictError,
  InvalidFetcherError,
  InvalidOptionError,
  UndefinedValueError,
} from "../errors.ts";
import { type CacheEvents, EVENT_NAMES } from "../events.ts";
import type { BatchFetcher, Fetcher } from "../fetcher.ts";
import type { Lease } from "../lease.ts";
import type {
  GetOptions,
  GetOrSetOptions,
  InvalidateOptions,
  SetOptions,
  SubscribeOptions,
} from "../options.ts";
import {
  checkGetOrSetNames,
  type ResolvedEntryOptions,
  resolveEntryOptions,
  resolveSetOptions,
} from "../resolve-options.ts";
import { checkListener } from "../typed-emitter.ts";
import { abortable } from "./abortable.ts";
import { applyInvalidation } from "./apply-invalidation.ts";
import { collectStats } from "./collect-stats.ts";
import { EntryReader } from "./entry-reader.ts";
import { explainKey } from "./explain-key.ts";
import { getOrSetMany } from "./get-or-set-many.ts";
import { makeInternals } from "./make-internals.ts";
import { publishMessage, subscribeTo } from "./messages.ts";
import { type PlannedInvalidation, planAll, planKeys, planPatterns, planTags } from "./plan-invalidation.ts";
import type { Put } from "./put-calls.ts";
import { ReadThrough } from "./read-through.ts";
import type { Shared } from "./shared.ts";
import { spread } from "./spread.ts";
import { heldLease, takeHandLease } from "./take-hand-lease.ts";
import { writeEntries } from "./write-entries.ts";

/** A cache, or a scope of one: the parts are shared, the scope's part of every name is not. */
export class CacheCore implements Cache {
  readonly #shared: Shared;
  /** Before every key and tag. Control characters, which callers' names cannot hold, keep scopes apart. */
  readonly #prefix: string;
  readonly #reader: EntryReader;
  readonly #through: ReadThrough;
  #internals: CacheInternals | undefined;

  constructor(shared: Shared, prefix: string) {
    this.#shared = shared;
    this.#prefix = prefix;
    this.#reader = new EntryReader(shared, prefix);
    this.#through = new ReadThrough(shared, prefix, this.#reader);
  }

  get namespace(): string {
    return this.#shared.namespace;
  }

  /** Made once: what limits and locks do begins with it. */
  get internals(): CacheInternals {
    this.#internals ??= makeInternals(this.#shared, this.#prefix, (options) => this.#resolve(options));
    return this.#internals;
  }

  // Reading

  get<T>(key: string, options?: GetOptions<T>): Promise<T | null> {
    const { tier, pending, emitter, counters } = this.#shared;
    if (tier !== null && options?.schema === undefined) {
      const hit = tier.hit(this.#full(key));
      if (hit !== undefined && pending.size === 0) {
        counters.hits++;
        hit.served++;
        if (hit.tags.length > 0) inheritDependencies(hit.tags, this.#prefix);
        if (emitter.active) this.#tellHit(key, undefined, undefined);
        return (hit.promise ?? Promise.resolve(hit.read())) as Promise<T>;
      }
    }
    return this.#getStored(key, options?.schema as GetOptions["schema"]) as Promise<T | null>;
  }

  async getMany<T>(keys: readonly string[], options?: GetOptions<T>): Promise<(T | null)[]> {
    checkKeys(keys);
    this.#assertOpen();
    checkSchema(options?.schema);
    this.#tellReads(keys);
    const found = await this.#reader.findMany(keys, options?.schema);
    return keys.map((key, i) => {
      const hit = found[i];
      if (hit?.fresh) {
        this.#reader.countHit(key, false, hit.entry === undefined ? "memory" : "store");
        return hit.value as T;
      }
      this.#reader.countMiss(key);
      return null;
    });
  }

  async exists(key: string): Promise<boolean> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    if (this.#shared.pending.size === 0 && this.#shared.tier?.peek(full) !== undefined) return true;
    const entry = await this.#reader.read(full, key);
    return entry !== null && this.#reader.isFresh(full, entry);
  }

  async lookup<T>(key: string, options?: GetOptions<T>): Promise<CacheEntry<T> | undefined> {
    const full = this.#full(checkKey(key));
    const { store, keys } = this.#shared;
    this.#assertOpen();
    checkSchema(options?.schema);
    const found = await this.#reader.find(full, key, options?.schema);
    if (found === undefined) return undefined;
    const { entry } = found;
    const now = store.serverNow(keys.entry(full));
    return {
      value: found.value as T,
      state: now < entry.freshUntil ? "fresh" : "stale",
      ttl: Math.max(0, entry.freshUntil - now) / 1000,
      expiresIn: Math.max(0, entry.expiresAt - now) / 1000,
      createdAt: new Date(entry.createdAt),
      tags: entry.tags.map((tag) => tag.slice(this.#prefix.length)).filter(isOwnTag),
      tier: "store",
    };
  }

  // Filling

  getOrSet<T>(key: string, fetcher: Fetcher<T>, options?: Duration | GetOrSetOptions<T>): Promise<T> {
    const { tier, pending, emitter, counters } = this.#shared;
    if (tier !== null && typeof fetcher === "function") {
      const hit = tier.hit(this.#prefix === "" ? key : this.#prefix + key);
      if (
        hit !== undefined &&
        pending.size === 0 &&
        isPlain(options) &&
        this.#shared.defaults.earlyRefresh === 0
      ) {
        counters.hits++;
        hit.served++;
        if (hit.tags.length > 0) inheritDependencies(hit.tags, this.#prefix);
        if (emitter.active) this.#tellHit(key, fetcher as Fetcher<unknown>, options);
        return (hit.promise ?? Promise.resolve(hit.read())) as Promise<T>;
      }
    }
    return this.#readThrough(key, fetcher, options);
  }

  getWithStale<T>(key: string, fetcher: Fetcher<T>, freshTtl: Duration, staleTtl: Duration): Promise<T> {
    try {
      const freshMs = parseDuration(freshTtl, "freshTtl");
      const staleMs = parseDuration(staleTtl, "staleTtl");
      if (staleMs < freshMs) {
        throw new InvalidOptionError({
          options: ["freshTtl", "staleTtl"],
          reason: "both count from the write, so staleTtl cannot be the shorter one",
          advice: "Lower the one or raise the other.",
        });
      }
      return this.getOrSet(key, fetcher, { ttl: `${freshMs}ms`, staleTtl: `${staleMs - freshMs}ms` });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async getOrSetMany<T>(
    keys: readonly string[],
    fetcher: BatchFetcher<T>,
    options?: Duration | GetOrSetOptions<T>,
  ): Promise<(T | null)[]> {
    checkKeys(keys);
    this.#assertOpen();
    if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
    const { entry, tags } = this.#resolve(options);
    const signal = typeof options === "object" ? options.signal : undefined;
    signal?.throwIfAborted();
    this.#tellReads(keys);
    const work = getOrSetMany<T>(this.#shared, this, this.#reader, {
      keys,
      fulls: keys.map((key) => this.#full(key)),
      fetcher,
      options: entry,
      tags,
      scopePrefix: this.#prefix,
      given: options,
    });
    return signal === undefined ? work : abortable(work, signal);
  }

  async lease<T>(key: string): Promise<Lease<T>> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    // A hit is a plain GET here, too.
    const found = await this.#reader.find(full, key, undefined);
    if (found !== undefined && this.#reader.isFresh(full, found.entry)) {
      this.#reader.countHit(key, false);
      return heldLease<T>(this.#shared, key, found.value as T);
    }
    this.#reader.countMiss(key);
    return takeHandLease<T>(this.#shared, key, full, this.#prefix);
  }

  // Writing

  async set<T>(key: string, value: T, options?: Duration | SetOptions): Promise<boolean> {
    const put = this.#prepare(key, value, options);
    return (await writeEntries(this.#shared, [put], [key])) === 1;
  }

  async setMany(entries: readonly SetEntry[]): Promise<number> {
    if (!Array.isArray(entries)) {
      throw new InvalidOptionError({ option: "entries", received: entries, expected: "an array of entries" });
    }
    const puts = entries.map((entry) => {
      if (!isOptions(entry)) {
        throw new InvalidOptionError({
          option: "entries",
          received: entry,
          expected: "objects with `key` and `value`",
        });
      }
      const { key, value, ...options } = entry as SetEntry;
      return this.#prepare(key, value, options);
    });
    if (puts.length === 0) return 0;
    return writeEntries(
      this.#shared,
      puts,
      entries.map((entry) => entry.key),
    );
  }

  setWithTags<T>(key: string, value: T, tags: readonly string[], ttl?: Duration): Promise<boolean> {
    return this.set(key, value, { tags: tags ?? null, ttl } as SetOptions);
  }

  del(...keys: string[]): Promise<number> {
    return this.invalidate(keys);
  }

  // Invalidating

  async invalidate(keys: string | readonly string[], options?: InvalidateOptions): Promise<number> {
    return this.#apply(planKeys(this.#prefix, keys, options));
  }

  async invalidateByTag(tag: string | readonly string[], options?: InvalidateOptions): Promise<number> {
    return this.#apply(planTags(this.#prefix, tag, options));
  }

  async invalidatePattern(glob: string | readonly string[], options?: InvalidateOptions): Promise<number> {
    return this.#apply(planPatterns(this.#prefix, glob, options));
  }

  async clear(): Promise<number> {
    return this.#apply(planAll(this.#prefix));
  }

  // Messages

  async publish(channel: string, message: unknown): Promise<number> {
    checkChannel(channel);
    this.#assertOpen();
    return publishMessage(this.#shared, this.#prefix, channel, message);
  }

  async subscribe<T>(
    channel: string,
    handler: (message: T) => void,
    options?: SubscribeOptions,
  ): Promise<() => Promise<void>> {
    checkChannel(channel);
    this.#assertOpen();
    return subscribeTo(this.#shared, this.#prefix, channel, handler, options);
  }

  // Composing and observing

  scope(name: string): Cache {
    checkScope(name);
    const prefix =
      this.#prefix === "" ? `\u001f${name}\u001f` : `${this.#prefix.slice(0, -1)}\u001e${name}\u001f`;
    return new CacheCore(this.#shared, prefix);
  }

  extend<A extends object>(actions: (cache: this) => A): this & A {
    if (typeof actions !== "function")
      throw new InvalidOptionError({
        option: "actions",
        received: actions,
        expected: "a function that takes the cache and returns new methods, such as `lockActions()`",
      });
    const added = actions(this);
    const taken = Object.keys(added).filter((name) => name in this);
    if (taken.length > 0) throw new ExtendConflictError({ names: taken });
    Object.defineProperties(this, Object.getOwnPropertyDescriptors(added));
    return this as this & A;
  }

  getStats(): Promise<CacheStats> {
    return collectStats(this.#shared, this.#prefix);
  }

  async explain(key: string): Promise<Explanation> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    return explainKey(this.#shared, key, full, this.#prefix);
  }

  on<E extends keyof CacheEvents>(event: E, handler: (payload: CacheEvents[E]) => void): () => void {
    checkListener(EVENT_NAMES, event, handler);
    return this.#shared.emitter.on(event, handler);
  }

  async ready(): Promise<void> {
    await this.#shared.store.ready();
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  // Inside

  async #getStored(key: string, schema: GetOptions["schema"]): Promise<unknown> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    checkSchema(schema);
    if (this.#shared.emitter.observers.length > 0) this.#tellRead(key, undefined, undefined);
    const { mark } = this.#reader;
    const entry = await this.#reader.read(full, key);
    const found = entry === null ? undefined : this.#reader.open(entry, full, key, schema, mark);
    if (found !== undefined && this.#reader.isFresh(full, found.entry)) {
      this.#reader.countHit(key, false);
      return found.value;
    }
    this.#reader.countMiss(key);
    return null;
  }

  #readThrough<T>(
    key: string,
    fetcher: Fetcher<T>,
    given: Duration | GetOrSetOptions<T> | undefined,
  ): Promise<T> {
    try {
      const full = this.#full(checkKey(key));
      this.#assertOpen();
      if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
      const { entry: options, tags } = this.#resolve(given);
      const call = typeof given === "object" ? given : undefined;
      call?.signal?.throwIfAborted();
      if (this.#shared.emitter.observers.length > 0) {
        this.#tellRead(key, fetcher as Fetcher<unknown>, given as GetOrSetOptions<unknown>);
      }
      const work = this.#through.run(key, full, fetcher as Fetcher<unknown>, options, tags, call);
      return (call?.signal === undefined ? work : abortable(work, call.signal)) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #apply(planned: PlannedInvalidation | null): Promise<number> {
    if (planned === null) return 0;
    this.#assertOpen();
    return applyInvalidation(this.#shared, planned.coverage, planned.names);
  }

  #prepare(key: string, value: unknown, options: Duration | SetOptions | undefined): Put {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    if (value === undefined) throw new UndefinedValueError({ key });
    const { entry, tags } = resolveSetOptions(options, this.#shared.defaults);
    const fullTags = this.#prefix === "" ? tags : tags.map((tag) => this.#prefix + tag);
    const freshMs = spread(entry.ttlMs, entry.jitter, this.#shared.random);
    const parts = this.#shared.payloads.pack(key, value, fullTags, 0);
    return { key: full, freshMs, totalMs: freshMs + entry.staleMs, parts, tags: fullTags };
  }

  /** A hit of the in-process tier, where somebody listens. */
  #tellHit(key: string, fetcher: Fetcher<unknown> | undefined, options: unknown): void {
    const { emitter } = this.#shared;
    if (emitter.observers.length > 0) this.#tellRead(key, fetcher, options as GetOrSetOptions<unknown>);
    if (emitter.wants("entry:hit")) emitter.emit("entry:hit", { key, tier: "memory", stale: false });
  }

  #tellReads(keys: readonly string[]): void {
    if (this.#shared.emitter.observers.length === 0) return;
    for (const key of keys) this.#tellRead(key, undefined, undefined);
  }

  #tellRead(
    key: string,
    fetcher: Fetcher<unknown> | undefined,
    options: Duration | GetOrSetOptions<unknown> | undefined,
  ): void {
    for (const observer of this.#shared.emitter.observers) {
      observer(this, key, fetcher, options, this.#prefix);
    }
  }

  #resolve(options: Duration | GetOrSetOptions<unknown> | undefined): {
    entry: ResolvedEntryOptions;
    tags: readonly string[];
  } {
    const entry = resolveEntryOptions(options, this.#shared.defaults);
    if (typeof options !== "object") return { entry, tags: [] };
    checkGetOrSetNames(options);
    checkSchema(options.schema);
    checkSignal(options.signal);
    const given = options.tags === undefined ? [] : checkTags(options.tags);
    const tags = options.dependsOn === undefined ? given : [...given, ...dependencyTags(options.dependsOn)];
    return { entry, tags: this.#prefix === "" ? tags : tags.map((tag) => this.#prefix + tag) };
  }

  #full(key: string): string {
    return this.#prefix === "" ? key : this.#prefix + key;
  }

  #assertOpen(): void {
    if (this.#shared.isClosed()) throw new CacheClosedError();
  }
}

/** Whether options leave a hit of the in-process tier as it is. */
function isPlain(options: Duration | GetOrSetOptions<unknown> | undefined): boolean {
  if (typeof options === "number") return options > 0;
  if (typeof options !== "object" || options === null) return options === undefined;
  return (
    options.schema === undefined &&
    options.forceRefresh !== true &&
    (options.earlyRefresh === undefined || options.earlyRefresh === 0) &&
    options.signal === undefined
  );
}
