import { inheritDependencies } from "../dependencies.ts";
import { entryBytes, looksLikeEntry, type ParsedEntry, parseEntry } from "../entry.ts";
import { CacheError, InvalidOptionError } from "../errors.ts";
import type { CacheEvents } from "../events.ts";
import type { GetOptions } from "../options.ts";
import { redactCause } from "../redact.ts";
import type { StoredParts } from "./flight.ts";
import type { Shared } from "./shared.ts";

/** A value found in the cache. */
export interface Found {
  readonly entry: ParsedEntry;
  readonly value: unknown;
}

/**
 * Reads entries for a cache or a scope: from the store to a value that one caller may have. What cannot be used counts as
 * missing, and is told.
 */
export class EntryReader {
  readonly #shared: Shared;
  readonly #prefix: string;
  readonly #reads = new Map<string, Promise<ParsedEntry | null>>();

  constructor(shared: Shared, prefix: string) {
    this.#shared = shared;
    this.#prefix = prefix;
  }

  /** Where the news of invalidations stands, to be noted before an entry is asked for that may be kept in process. */
  get mark(): number {
    return this.#shared.tier?.recent.mark ?? 0;
  }

  /** The stored value of a key, decoded for one caller; `undefined` when there is none that may be used. */
  async find(full: string, key: string, schema: GetOptions["schema"]): Promise<Found | undefined> {
    const { mark } = this;
    const entry = await this.read(full, key);
    if (entry === null) return undefined;
    return this.open(entry, full, key, schema, mark);
  }

  /** Fresh and stale values of many keys: the in-process tier first, unless it is passed over, then one round trip a node. */
  async findMany(
    keys: readonly string[],
    schema?: GetOptions["schema"],
    passOverTier = false,
  ): Promise<({ value: unknown; fresh: boolean; entry: ParsedEntry | undefined } | undefined)[]> {
    const { tier, pending, store, keys: space } = this.#shared;
    const found: ({ value: unknown; fresh: boolean; entry: ParsedEntry | undefined } | undefined)[] =
      new Array(keys.length).fill(undefined);
    const asked: number[] = [];
    keys.forEach((key, i) => {
      const hit =
        tier !== null && !passOverTier && pending.size === 0 ? tier.hit(this.#full(key)) : undefined;
      const usable = hit === undefined ? undefined : this.#validated({ value: hit.read() }, schema, key);
      if (usable === undefined) asked.push(i);
      else {
        inheritDependencies(hit?.tags ?? [], this.#prefix);
        found[i] = { value: usable.value, fresh: true, entry: undefined };
      }
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
      const value = this.decode(entry, full, key, schema, mark);
      if (value !== undefined) found[i] = { value: value.value, fresh: this.isFresh(full, entry), entry };
    });
    return found;
  }

  open(
    entry: ParsedEntry,
    full: string,
    key: string,
    schema: GetOptions["schema"],
    mark: number,
  ): Found | undefined {
    const decoded = this.decode(entry, full, key, schema, mark);
    return decoded === undefined ? undefined : { entry, value: decoded.value };
  }

  /** The value in the bytes of an entry that were asked for at `mark`; `undefined` when it may not be used. */
  openBytes(
    key: string,
    bytes: Buffer,
    schema: GetOptions["schema"],
    mark: number,
  ): { value: unknown } | undefined {
    const full = this.#full(key);
    const entry = this.#parse(bytes, full, key);
    return entry === null ? undefined : this.decode(entry, full, key, schema, mark);
  }

  isFresh(full: string, entry: ParsedEntry): boolean {
    const { store, keys } = this.#shared;
    return store.serverNow(keys.entry(full)) < entry.freshUntil;
  }

  /** Keeps what was just stored in process, as it would be read from the store. */
  keepStored(full: string, stored: StoredParts, mark: number): { read(): unknown } | undefined {
    const { tier, store, keys, payloads } = this.#shared;
    if (tier === null) return undefined;
    const now = store.serverNow(keys.entry(full));
    const times = { createdAt: now, freshMs: stored.freshMs, totalMs: stored.totalMs };
    const entry = parseEntry(entryBytes(stored.parts, stored.tags, times));
    return entry === null ? undefined : tier.keep(full, entry, payloads.unpack(entry), mark, now);
  }

  countHit(key: string, stale: boolean, tier: "memory" | "store" = "store"): void {
    const { counters, emitter } = this.#shared;
    counters.hits++;
    if (stale) counters.staleServed++;
    if (emitter.sinks.length > 0) emitter.tellReads(key, stale ? "stale" : tier, 1);
    if (emitter.wants("entry:hit")) emitter.emit("entry:hit", { key, tier, stale });
  }

  countMiss(key: string): void {
    const { counters, emitter } = this.#shared;
    counters.misses++;
    if (emitter.sinks.length > 0) emitter.tellReads(key, "miss", 1);
    if (emitter.wants("entry:miss")) emitter.emit("entry:miss", { key });
  }

  /** Reads an entry; callers of one turn share one command. Never rejects: a store that is sick has no entries. */
  read(full: string, key: string): Promise<ParsedEntry | null> {
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

  decode(
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
    inheritDependencies(entry.tags, this.#prefix);
    // Kept as it was stored: another reader may have another schema.
    const kept = tier?.keep(full, entry, value, mark, store.serverNow(keys.entry(full)));
    return this.#validated({ value: kept === undefined ? value : kept.read() }, schema, key);
  }

  #readFailed(error: unknown): void {
    const { emitter, logger } = this.#shared;
    if (CacheError.isInstance(error) && error.code === "STORE_UNAVAILABLE") return;
    logger.warn({ err: redactCause(error) }, "A read failed; it counts as a miss");
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

  /** The value as the schema gives it, with its defaults and conversions; `undefined` when it refuses it. */
  #validated(
    found: { readonly value: unknown },
    schema: GetOptions["schema"],
    key: string,
  ): { readonly value: unknown } | undefined {
    if (schema === undefined) return found;
    const outcome = schema["~standard"].validate(found.value);
    if (outcome instanceof Promise) {
      outcome.catch(() => {});
      throw new InvalidOptionError({
        option: "options.schema",
        received: "a schema that validates asynchronously",
        expected: "a Standard Schema that validates synchronously",
      });
    }
    if (outcome.issues === undefined) return outcome;
    this.#reject(key, "schema");
    return undefined;
  }

  #reject(key: string, reason: CacheEvents["entry:rejected"]["reason"]): void {
    const { emitter, logger } = this.#shared;
    logger.warn({ key: key.slice(0, 80), reason }, "A stored entry cannot be used; it counts as a miss");
    if (emitter.wants("entry:rejected")) emitter.emit("entry:rejected", { key, reason });
  }

  #full(key: string): string {
    return this.#prefix === "" ? key : this.#prefix + key;
  }
}
