import type { Cache, CacheEntry, CacheInternals, CacheStats, Explanation, SetEntry } from "../cache.ts";
import {
  checkChannel,
  checkKey,
  checkKeys,
  checkPattern,
  checkScope,
  checkTag,
  checkTags,
} from "../check-key.ts";
import { checkSchema, checkSignal, isOptions } from "../check-options.ts";
import { dependencyTags, isOwnTag } from "../dependencies.ts";
import { type Duration, parseDuration } from "../duration.ts";
import { entryBytes, looksLikeEntry, type ParsedEntry, parseEntry } from "../entry.ts";
import {
  CacheClosedError,
  CacheError,
  ExtendConflictError,
  InvalidFetcherError,
  InvalidOptionError,
  UndefinedValueError,
} from "../errors.ts";
import type { CacheEvents } from "../events.ts";
import type { BatchFetcher, Fetcher } from "../fetcher.ts";
import { compileGlob } from "../glob.ts";
import type { Lease } from "../lease.ts";
import type {
  GetOptions,
  GetOrSetOptions,
  InvalidateOptions,
  SetOptions,
  SubscribeOptions,
} from "../options.ts";
import { type ResolvedEntryOptions, resolveEntryOptions, resolveSetOptions } from "../resolve-options.ts";
import { abortable } from "./abortable.ts";
import { applyInvalidation, type InvalidationNames } from "./apply-invalidation.ts";
import { collectStats } from "./collect-stats.ts";
import { Coverage, type CoveredRange } from "./coverage.ts";
import { explainKey } from "./explain-key.ts";
import { type FillResult, type Flight, type StoredParts, spread } from "./fills.ts";
import { getOrSetMany } from "./get-or-set-many.ts";
import { invalidateTogether, listCovered } from "./invalidate-together.ts";
import { publishMessage, subscribeTo } from "./messages.ts";
import { refill, refillMany, timesOf } from "./refill.ts";
import type { Shared } from "./shared.ts";
import type { Put } from "./store-access.ts";
import { heldLease, takeHandLease } from "./take-hand-lease.ts";
import { writeEntries } from "./write-entries.ts";

/** A value found in the cache. */
interface Found {
  readonly entry: ParsedEntry;
  readonly value: unknown;
}

/** After a failed refresh the source is left alone; so many keys are remembered at most. */
const MAX_THROTTLED = 10_000;

/** A cache, or a scope of one: the parts are shared, the scope's part of every name is not. */
export class CacheCore implements Cache {
  readonly #shared: Shared;
  /** Before every key and tag. Control characters, which callers' names cannot hold, keep scopes apart. */
  readonly #prefix: string;
  readonly #reads = new Map<string, Promise<ParsedEntry | null>>();
  readonly #throttled = new Map<string, number>();

  constructor(shared: Shared, prefix: string) {
    this.#shared = shared;
    this.#prefix = prefix;
  }

  get namespace(): string {
    return this.#shared.namespace;
  }

  get internals(): CacheInternals {
    const { store, keys, clock, random, logger, payloads, emitter, access } = this.#shared;
    return {
      ...{ store, keys, clock, random, logger, codec: payloads.codec, prefix: this.#prefix, emitter },
      instance: access.processId,
      invalidate: (request) =>
        invalidateTogether(this.#prefix, request, async (coverage, names) => {
          this.#assertOpen();
          return applyInvalidation(this.#shared, coverage, names);
        }),
      list: (request) => listCovered(access, this.#prefix, request),
      appendRecord: (record) => access.appendRecord(record),
      keepHistory: (messages, ageMs) => access.keepHistory(messages, ageMs),
      refill: async (request) => {
        const { key, fetcher, newerThan } = request;
        const resolved = this.#prepareRefill([key], fetcher, request.options);
        const full = resolved.fulls[0] as string;
        return refill(this.#shared, {
          ...{ ...resolved, key, full, newerThan, fetcher: fetcher as Fetcher<unknown> },
        });
      },
      refillMany: async (request) => {
        const resolved = this.#prepareRefill(request.keys, request.fetcher, request.options);
        const { newerThan } = request;
        const batch = request.fetcher as BatchFetcher<unknown>;
        return refillMany(this.#shared, { ...resolved, keys: request.keys, fetcher: batch, newerThan });
      },
      times: async (names) => {
        this.#assertOpen();
        return timesOf(
          this.#shared,
          names.map((name) => this.#full(name)),
        );
      },
      observeReads: (observer) => emitter.observe(observer),
    };
  }

  // Reading

  get<T>(key: string, options?: GetOptions<T>): Promise<T | null> {
    const { tier, pending, emitter, counters } = this.#shared;
    if (tier !== null && options?.schema === undefined) {
      const hit = tier.hit(this.#full(key));
      if (hit !== undefined && pending.size === 0) {
        counters.hits++;
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
    const found = await this.findMany(keys, options?.schema);
    return keys.map((key, i) => {
      const hit = found[i];
      if (hit?.fresh) {
        this.#countHit(key, false);
        return hit.value as T;
      }
      this.#countMiss(key);
      return null;
    });
  }

  async exists(key: string): Promise<boolean> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    if (this.#shared.pending.size === 0 && this.#shared.tier?.peek(full) !== undefined) return true;
    const entry = await this.#read(full, key);
    return entry !== null && this.#isFresh(full, entry);
  }

  async lookup<T>(key: string, options?: GetOptions<T>): Promise<CacheEntry<T> | undefined> {
    const full = this.#full(checkKey(key));
    const { store, keys } = this.#shared;
    this.#assertOpen();
    checkSchema(options?.schema);
    const found = await this.#find(full, key, options?.schema);
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
    const work = getOrSetMany<T>(this.#shared, this, {
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
    const found = await this.#find(full, key, undefined);
    if (found !== undefined && this.#isFresh(full, found.entry)) {
      this.#countHit(key, false);
      return heldLease<T>(key, found.value as T);
    }
    this.#countMiss(key);
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
    const list = typeof keys === "string" ? [checkKey(keys)] : checkKeys(keys);
    if (list.length === 0) return 0;
    const soft = softOf(options);
    const fulls = [...new Set(list)].map((key) => this.#full(key));
    return this.#apply(new Coverage({ keys: fulls, tags: [], ranges: [], soft }), {
      keys: list,
      tags: [],
      patterns: [],
      soft,
    });
  }

  async invalidateByTag(tag: string | readonly string[], options?: InvalidateOptions): Promise<number> {
    const list = Array.isArray(tag) ? checkTags(tag) : [checkTag(tag)];
    if (list.length === 0) return 0;
    const soft = softOf(options);
    const fulls = list.map((name) => this.#prefix + name);
    return this.#apply(new Coverage({ keys: [], tags: fulls, ranges: [], soft }), {
      keys: [],
      tags: list,
      patterns: [],
      soft,
    });
  }

  async invalidatePattern(glob: string | readonly string[], options?: InvalidateOptions): Promise<number> {
    const list = (Array.isArray(glob) ? [...new Set(glob as string[])] : [glob as string]).map((pattern) =>
      checkPattern(pattern),
    );
    if (list.length === 0) return 0;
    const soft = softOf(options);
    const keys: string[] = [];
    const ranges: CoveredRange[] = [];
    for (const pattern of list) {
      const { exact, prefixOnly, literalPrefix } = compileGlob(pattern);
      if (exact) keys.push(this.#prefix + literalPrefix);
      else {
        ranges.push({
          prefix: this.#prefix + literalPrefix,
          skip: this.#prefix,
          glob: prefixOnly ? "" : pattern,
          scopes: this.#prefix !== "",
        });
      }
    }
    return this.#apply(new Coverage({ keys, tags: [], ranges, soft }), {
      keys: [],
      tags: [],
      patterns: list,
      soft,
    });
  }

  async clear(): Promise<number> {
    // A scope's own keys lie behind U+001F, those of scopes inside it behind U+001E.
    const prefixes = this.#prefix === "" ? [""] : [this.#prefix, `${this.#prefix.slice(0, -1)}\u001e`];
    const ranges = prefixes.map((prefix) => ({ prefix, skip: "", glob: "", scopes: true }));
    return this.#apply(new Coverage({ keys: [], tags: [], ranges, soft: false }), {
      keys: [],
      tags: [],
      patterns: ["*"],
      soft: false,
    });
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
      throw new InvalidFetcherError({ received: actions, parameter: "actions" });
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
    return this.#shared.emitter.on(event, handler);
  }

  async ready(): Promise<void> {
    await this.#shared.store.ready();
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  // For this package only

  /** Fresh and stale values of many keys: the in-process tier first, then one round trip a node. */
  async findMany(
    keys: readonly string[],
    schema?: GetOptions["schema"],
  ): Promise<({ value: unknown; fresh: boolean; entry: ParsedEntry | undefined } | undefined)[]> {
    const { tier, pending, store, keys: space, emitter } = this.#shared;
    if (emitter.observers.length > 0) for (const key of keys) this.#tellRead(key, undefined, undefined);
    const found: ({ value: unknown; fresh: boolean; entry: ParsedEntry | undefined } | undefined)[] =
      new Array(keys.length).fill(undefined);
    const asked: number[] = [];
    keys.forEach((key, i) => {
      const hit = tier !== null && pending.size === 0 ? tier.hit(this.#full(key)) : undefined;
      const value = hit?.read();
      if (hit === undefined || (schema !== undefined && !this.#matches(schema, value, key))) asked.push(i);
      else found[i] = { value, fresh: true, entry: undefined };
    });
    if (asked.length === 0) return found;
    const mark = tier?.recent.mark ?? 0;
    const names = asked.map((i) => space.entry(this.#full(keys[i] as string)));
    const bytes = await store.getMany(names).catch((error) => {
      this.#readFailed(error);
      return names.map(() => null);
    });
    asked.forEach((i, at) => {
      const key = keys[i] as string;
      const full = this.#full(key);
      const entry = this.#parse(bytes[at] ?? null, full, key);
      if (entry === null) return;
      const value = this.#decode(entry, full, key, schema, mark);
      if (value !== undefined) found[i] = { value: value.value, fresh: this.#isFresh(full, entry), entry };
    });
    return found;
  }

  /** The value in the bytes of an entry that were asked for at `mark`; `undefined` when it may not be used. */
  open(
    key: string,
    bytes: Buffer,
    schema: GetOptions["schema"],
    mark: number,
  ): { value: unknown } | undefined {
    const full = this.#full(key);
    const entry = this.#parse(bytes, full, key);
    return entry === null ? undefined : this.#decode(entry, full, key, schema, mark);
  }

  countHit(key: string, stale: boolean): void {
    this.#countHit(key, stale);
  }

  countMiss(key: string): void {
    this.#countMiss(key);
  }

  // Inside

  async #getStored(key: string, schema: GetOptions["schema"]): Promise<unknown> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    checkSchema(schema);
    if (this.#shared.emitter.observers.length > 0) this.#tellRead(key, undefined, undefined);
    const found = await this.#find(full, key, schema);
    if (found !== undefined && this.#isFresh(full, found.entry)) {
      this.#countHit(key, false);
      return found.value;
    }
    this.#countMiss(key);
    return null;
  }

  async #readThrough<T>(
    key: string,
    fetcher: Fetcher<T>,
    given: Duration | GetOrSetOptions<T> | undefined,
  ): Promise<T> {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
    const { entry: options, tags } = this.#resolve(given);
    if (this.#shared.emitter.observers.length > 0) {
      this.#tellRead(key, fetcher as Fetcher<unknown>, given as GetOrSetOptions<unknown>);
    }
    const call = typeof given === "object" ? given : undefined;
    const work = this.#fillOrJoin(key, full, fetcher as Fetcher<unknown>, options, tags, call);
    return (await (call?.signal === undefined ? work : abortable(work, call.signal))) as T;
  }

  async #fillOrJoin(
    key: string,
    full: string,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
    call: GetOrSetOptions<unknown> | undefined,
  ): Promise<unknown> {
    const { fills, emitter } = this.#shared;
    const arrival = fills.arrive();
    const force = call?.forceRefresh === true;
    const schema = call?.schema as GetOptions["schema"];
    let previous: Found | undefined;
    let missed = false;
    let known = force ? Number.MAX_SAFE_INTEGER : -1;
    for (;;) {
      let flight = fills.running(full);
      // Who meets the fetch of a value that replaces another is served what there is, like the one who started it; and
      // knows the old value, should the fetch be slow or fail.
      if ((flight === undefined || flight.replaces) && !force) {
        const found = await this.#find(full, key, schema);
        if (found !== undefined) {
          const served = this.#serve(key, full, found, fetcher, options, tags);
          if (served) return found.value;
          previous = found;
        }
        flight = fills.running(full);
      }
      if (!missed) {
        missed = true;
        this.#countMiss(key);
      }
      const mark = this.#shared.tier?.recent.mark ?? 0;
      const own = flight === undefined;
      flight ??= this.#start(key, full, fetcher, options, tags, previous?.entry, known, false);
      if (!own && emitter.wants("fetch:join")) emitter.emit("fetch:join", { key, where: "process" });
      const joined = flight;
      // Its own look at the store may have failed, or come too early.
      const fallback = (): Found | undefined =>
        previous ??
        (joined.previous === undefined || force || !joined.serves(arrival)
          ? undefined
          : this.#open(joined.previous, full, key, schema, mark));
      const result = await this.#resultOf(joined, options, fallback);
      if ("served" in result) return result.served.value;
      if (!joined.serves(arrival)) continue;
      const delivered = this.#deliver(key, full, flight, result, own, schema, mark);
      if (delivered !== undefined) {
        if (delivered.error === undefined) return delivered.value;
        const served = options.failSafeMs > 0 ? fallback() : undefined;
        if (served !== undefined) {
          this.#throttle(full, options.throttleMs);
          this.#shared.counters.staleServed++;
          return served.value;
        }
        throw delivered.error.cause;
      }
      // A fresh entry that this caller cannot use: only a newer one will do.
      if (result.kind === "entry") known = Math.max(known, result.entry.createdAt);
    }
  }

  /** Whether a found value may be served; starts its refresh when it is due. */
  #serve(
    key: string,
    full: string,
    found: Found,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
  ): boolean {
    const { store, keys, random } = this.#shared;
    const { entry } = found;
    const now = store.serverNow(keys.entry(full));
    if (now < entry.freshUntil) {
      // XFetch (Vattani, Chierichetti, Lowenstein: "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
      const { earlyRefresh } = options;
      if (
        earlyRefresh > 0 &&
        now - Math.max(1, entry.costMs) * earlyRefresh * Math.log(1 - random()) >= entry.freshUntil
      ) {
        this.#refresh(key, full, fetcher, options, tags, entry, entry.createdAt);
      }
      this.#countHit(key, false);
      return true;
    }
    const throttled = this.#isThrottled(full);
    // What lies behind the stale window is kept for failures only.
    if (now >= entry.expiresAt - options.failSafeMs && !throttled) return false;
    if (!throttled) this.#refresh(key, full, fetcher, options, tags, entry, -1);
    this.#countHit(key, true);
    return true;
  }

  #refresh(
    key: string,
    full: string,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
    previous: ParsedEntry,
    known: number,
  ): void {
    const { fills, logger, emitter } = this.#shared;
    if (fills.running(full) !== undefined) return;
    const mark = this.#shared.tier?.recent.mark ?? 0;
    const flight = this.#start(key, full, fetcher, options, tags, previous, known, true);
    void flight.result.then((result) => {
      if (result.kind === "error") {
        this.#throttle(full, options.throttleMs);
        logger.warn({ err: result.error, key }, "A background refresh failed; the stale value stays");
        if (emitter.wants("background:error"))
          emitter.emit("background:error", { where: "refresh", error: result.error });
      } else if (flight.confirmed && result.kind === "value" && result.stored !== undefined) {
        this.#keepStored(full, result.stored, mark);
      }
    });
  }

  #start(
    key: string,
    full: string,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
    previous: ParsedEntry | undefined,
    known: number,
    background: boolean,
  ): Flight {
    const scopePrefix = this.#prefix;
    return this.#shared.fills.start({
      key: full,
      publicKey: key,
      fetcher,
      options,
      tags,
      scopePrefix,
      previous,
      known,
      background,
    });
  }

  /** The result of a fill, or the value to be served when the soft timeout passes first and there is one. */
  async #resultOf(
    flight: Flight,
    options: ResolvedEntryOptions,
    fallback: () => Found | undefined,
  ): Promise<FillResult | { readonly served: Found }> {
    if (options.softMs === 0) return flight.result;
    let cancel: () => void = () => {};
    const soft = new Promise<undefined>((resolve) => {
      cancel = this.#shared.clock.after(options.softMs, () => resolve(undefined));
    });
    try {
      const first = await Promise.race([flight.result, soft]);
      if (first !== undefined) return first;
      const served = fallback();
      if (served === undefined) return flight.result;
      this.#shared.counters.staleServed++;
      return { served };
    } finally {
      cancel();
    }
  }

  /** What one caller gets of a result; `undefined` when it has to look again. */
  #deliver(
    key: string,
    full: string,
    flight: Flight,
    result: FillResult,
    own: boolean,
    schema: GetOptions["schema"],
    mark: number,
  ): { value?: unknown; error?: { cause: unknown } } | undefined {
    if (result.kind === "error") return { error: { cause: result.error } };
    if (result.kind === "entry") return this.#decode(result.entry, full, key, schema, mark);
    const { value, stored } = result;
    if (stored === undefined) return { value: own ? value : this.#shared.payloads.copy(value) };
    if (this.#shared.tier !== null && flight.confirmed) {
      const kept = this.#keepStored(full, stored, mark);
      if (kept !== undefined) return { value: kept.read() };
    }
    // Whoever asked for the fetch gets its value; others a copy of their own.
    return { value: own ? value : this.#shared.payloads.copy(value) };
  }

  /** Keeps what was just stored in process, as it would be read from the store. */
  #keepStored(full: string, stored: StoredParts, mark: number): { read(): unknown } | undefined {
    const { tier, store, keys, payloads } = this.#shared;
    if (tier === null) return undefined;
    const now = store.serverNow(keys.entry(full));
    const times = { createdAt: now, freshMs: stored.freshMs, totalMs: stored.totalMs };
    const entry = parseEntry(entryBytes(stored.parts, stored.tags, times));
    return entry === null ? undefined : tier.keep(full, entry, payloads.unpack(entry), mark, now);
  }

  async #apply(coverage: Coverage, names: InvalidationNames): Promise<number> {
    this.#assertOpen();
    return applyInvalidation(this.#shared, coverage, names);
  }

  #prepare(key: string, value: unknown, options: Duration | SetOptions | undefined): Put {
    const full = this.#full(checkKey(key));
    this.#assertOpen();
    if (value === undefined) throw new UndefinedValueError({ key });
    const { entry, tags } = resolveSetOptions(options, this.#shared.defaults);
    const fullTags = this.#prefix === "" ? tags : tags.map((tag) => this.#prefix + tag);
    const freshMs = spread(entry.ttlMs, entry.jitter, this.#shared.random);
    const parts = this.#shared.payloads.pack(value, fullTags, 0);
    return { key: full, freshMs, totalMs: freshMs + entry.staleMs, parts, tags: fullTags };
  }

  /** The stored value of a key, decoded for one caller; `undefined` when there is none that may be used. */
  async #find(full: string, key: string, schema: GetOptions["schema"]): Promise<Found | undefined> {
    const mark = this.#shared.tier?.recent.mark ?? 0;
    const entry = await this.#read(full, key);
    if (entry === null) return undefined;
    return this.#open(entry, full, key, schema, mark);
  }

  #open(
    entry: ParsedEntry,
    full: string,
    key: string,
    schema: GetOptions["schema"],
    mark: number,
  ): Found | undefined {
    const decoded = this.#decode(entry, full, key, schema, mark);
    return decoded === undefined ? undefined : { entry, value: decoded.value };
  }

  /** Reads an entry; callers of one turn share one command. Never rejects: a store that is sick has no entries. */
  #read(full: string, key: string): Promise<ParsedEntry | null> {
    const { pending, store, keys } = this.#shared;
    if (pending.size > 0 && pending.covers(full, [])) return Promise.resolve(null);
    const running = this.#reads.get(full);
    if (running !== undefined) return running;
    const reading = store.get(keys.entry(full)).then(
      (bytes) => this.#parse(bytes, full, key),
      (error) => {
        this.#readFailed(error);
        return null;
      },
    );
    this.#reads.set(full, reading);
    // Whoever comes in a later turn may know of an invalidation that this command has not seen.
    queueMicrotask(() => this.#reads.delete(full));
    return reading;
  }

  #readFailed(error: unknown): void {
    const { emitter, logger } = this.#shared;
    if (CacheError.isInstance(error) && error.code === "STORE_UNAVAILABLE") return;
    logger.warn({ err: error }, "A read failed; it counts as a miss");
    if (emitter.wants("background:error")) emitter.emit("background:error", { where: "read", error });
  }

  #parse(bytes: Buffer | null, full: string, key: string): ParsedEntry | null {
    if (bytes === null) return null;
    const { pending, payloads } = this.#shared;
    const entry = parseEntry(bytes);
    if (entry === null) {
      this.#reject(key, looksLikeEntry(bytes) ? "damaged" : "foreign");
      return null;
    }
    if (entry.codecId !== payloads.codec.id) {
      this.#reject(key, "codec");
      return null;
    }
    if (pending.size > 0 && pending.covers(full, entry.tags)) return null;
    return entry;
  }

  #decode(
    entry: ParsedEntry,
    full: string,
    key: string,
    schema: GetOptions["schema"],
    mark: number,
  ): { value: unknown } | undefined {
    const { payloads, tier, store, keys } = this.#shared;
    let value: unknown;
    try {
      value = payloads.unpack(entry);
    } catch {
      this.#reject(key, "damaged");
      return undefined;
    }
    if (schema !== undefined && !this.#matches(schema, value, key)) return undefined;
    if (tier !== null) {
      const kept = tier.keep(full, entry, value, mark, store.serverNow(keys.entry(full)));
      if (kept !== undefined) return { value: kept.read() };
    }
    return { value };
  }

  #matches(schema: NonNullable<GetOptions["schema"]>, value: unknown, key: string): boolean {
    const outcome = schema["~standard"].validate(value);
    if (outcome instanceof Promise) {
      outcome.catch(() => {});
      throw new InvalidOptionError({
        option: "options.schema",
        received: "a schema that validates asynchronously",
        expected: "a Standard Schema that validates synchronously",
      });
    }
    if (outcome.issues === undefined) return true;
    this.#reject(key, "schema");
    return false;
  }

  #reject(key: string, reason: CacheEvents["entry:rejected"]["reason"]): void {
    const { emitter, logger } = this.#shared;
    logger.warn({ key: key.slice(0, 80), reason }, "A stored entry cannot be used; it counts as a miss");
    if (emitter.wants("entry:rejected")) emitter.emit("entry:rejected", { key, reason });
  }

  #isFresh(full: string, entry: ParsedEntry): boolean {
    const { store, keys } = this.#shared;
    return store.serverNow(keys.entry(full)) < entry.freshUntil;
  }

  #countHit(key: string, stale: boolean): void {
    const { counters, emitter } = this.#shared;
    counters.hits++;
    if (stale) counters.staleServed++;
    if (emitter.wants("entry:hit")) emitter.emit("entry:hit", { key, tier: "store", stale });
  }

  /** A hit of the in-process tier, where somebody listens. */
  #tellHit(key: string, fetcher: Fetcher<unknown> | undefined, options: unknown): void {
    const { emitter } = this.#shared;
    if (emitter.observers.length > 0) this.#tellRead(key, fetcher, options as GetOrSetOptions<unknown>);
    if (emitter.wants("entry:hit")) emitter.emit("entry:hit", { key, tier: "memory", stale: false });
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

  #countMiss(key: string): void {
    const { counters, emitter } = this.#shared;
    counters.misses++;
    if (emitter.wants("entry:miss")) emitter.emit("entry:miss", { key });
  }

  #throttle(full: string, ms: number): void {
    if (this.#throttled.size >= MAX_THROTTLED) this.#throttled.clear();
    this.#throttled.set(full, this.#shared.clock.monotonic() + ms);
  }

  #isThrottled(full: string): boolean {
    const until = this.#throttled.get(full);
    if (until === undefined) return false;
    if (this.#shared.clock.monotonic() < until) return true;
    this.#throttled.delete(full);
    return false;
  }

  #resolve(options: Duration | GetOrSetOptions<unknown> | undefined): {
    entry: ResolvedEntryOptions;
    tags: readonly string[];
  } {
    const entry = resolveEntryOptions(options, this.#shared.defaults);
    if (typeof options !== "object") return { entry, tags: [] };
    checkSchema(options.schema);
    checkSignal(options.signal);
    const given = options.tags === undefined ? [] : checkTags(options.tags);
    const tags = options.dependsOn === undefined ? given : [...given, ...dependencyTags(options.dependsOn)];
    return { entry, tags: this.#prefix === "" ? tags : tags.map((tag) => this.#prefix + tag) };
  }

  #prepareRefill(
    keys: readonly string[],
    fetcher: unknown,
    given: unknown,
  ): { fulls: string[]; options: ResolvedEntryOptions; tags: readonly string[]; scopePrefix: string } {
    checkKeys(keys);
    this.#assertOpen();
    if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
    const { entry: options, tags } = this.#resolve(given as GetOrSetOptions<unknown>);
    return { fulls: keys.map((key) => this.#full(key)), options, tags, scopePrefix: this.#prefix };
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

function softOf(options: InvalidateOptions | undefined): boolean {
  const soft = options?.soft ?? false;
  if (typeof soft !== "boolean") {
    throw new InvalidOptionError({ option: "options.soft", received: soft, expected: "true or false" });
  }
  return soft;
}
