import type { Glob } from "../glob.ts";
import { SortedList } from "./sorted-list.ts";
import type { TierEntry } from "./tier-entry.ts";
import { ABOVE_EVERY_CHARACTER } from "./utf8-order.ts";

export { TierEntry } from "./tier-entry.ts";

/** Bounds of the tier. Each holds after every call. */
export interface MemoryTierBounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Larger entries are refused. */
  readonly maxEntryBytes: number;
}

/**
 * Decoded values in process memory, bounded in entries and in bytes.
 *
 * Eviction is SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI '24). A hit sets one flag
 * and moves nothing. To evict, a hand walks from the oldest entry towards the newest: it spares what was hit since it
 * last came by, and takes the first that was not. New entries that are never hit leave first, so that a scan passes
 * through without flushing what is in use.
 *
 * The tier reads no clock: whether an entry is still good is the caller's question.
 */
export class MemoryTier {
  readonly #bounds: MemoryTierBounds;
  readonly #entries = new Map<string, TierEntry>();
  /** The keys in order, for prefixes: walking all entries for each pattern took a millisecond at 10,000. */
  readonly #order = new SortedList();
  readonly #byTag = new Map<string, Set<TierEntry>>();
  #newest: TierEntry | null = null;
  #oldest: TierEntry | null = null;
  #hand: TierEntry | null = null;
  #bytes = 0;
  #evictions = 0;
  readonly #onServed: (key: string, hits: number) => void;

  /** @param onServed told of the hits of an entry, at the latest when it leaves */
  constructor(bounds: MemoryTierBounds, onServed: (key: string, hits: number) => void = () => {}) {
    this.#bounds = bounds;
    this.#onServed = onServed;
  }

  /** The hot path: one lookup and one flag. */
  get(key: string): TierEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.visited = true;
    return entry;
  }

  /** As `get`, without counting as a use. */
  peek(key: string): TierEntry | undefined {
    return this.#entries.get(key);
  }

  /** Keeps the entry in place of the one with its key, if any. Returns false, and keeps neither, if it is too large. */
  set(entry: TierEntry): boolean {
    const previous = this.#entries.get(entry.key);
    if (previous !== undefined) {
      // What was in use stays so when it is written anew.
      entry.visited = previous.visited;
      this.#remove(previous);
    }
    const { maxEntries, maxBytes, maxEntryBytes } = this.#bounds;
    if (entry.bytes > maxEntryBytes || entry.bytes > maxBytes || maxEntries < 1) return false;
    while (this.#entries.size >= maxEntries || this.#bytes + entry.bytes > maxBytes) this.#evict();
    this.#add(entry);
    return true;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  /** Removes what carries the tag; O(removed). Returns how many. */
  deleteByTag(tag: string): number {
    const entries = this.#byTag.get(tag);
    if (entries === undefined) return 0;
    const count = entries.size;
    for (const entry of entries) this.#remove(entry);
    return count;
  }

  /**
   * Removes what begins with the prefix and, where one is given, passes the filter. Looks only at keys with the
   * prefix: O(log n + keys with it). Returns how many.
   */
  deletePrefix(prefix: string, filter?: (key: string) => boolean): number {
    const from = this.#order.lexBound(prefix, true);
    const to = this.#order.lexBound(prefix + ABOVE_EVERY_CHARACTER, true);
    let removed = 0;
    for (const key of this.#order.slice(from, to, 0, Infinity)) {
      if (filter !== undefined && !filter(key)) continue;
      this.#remove(this.#entries.get(key)!);
      removed++;
    }
    return removed;
  }

  /** Removes what the glob matches; looks only at keys with its literal prefix. Returns how many. */
  deleteGlob(glob: Glob): number {
    if (glob.exact) return this.delete(glob.literalPrefix) ? 1 : 0;
    return this.deletePrefix(glob.literalPrefix, glob.prefixOnly ? undefined : glob.matches);
  }

  /** Removes what the predicate accepts; looks at every key. Returns how many. */
  deleteMatching(predicate: (key: string) => boolean): number {
    return this.deletePrefix("", predicate);
  }

  /** Tells of all hits that were not told yet. Looks at every entry. */
  tellServed(): void {
    for (const entry of this.#entries.values()) this.#tell(entry);
  }

  clear(): void {
    this.tellServed();
    this.#entries.clear();
    this.#order.clear();
    this.#byTag.clear();
    this.#newest = null;
    this.#oldest = null;
    this.#hand = null;
    this.#bytes = 0;
  }

  stats(): { readonly entries: number; readonly bytes: number; readonly evictions: number } {
    return { entries: this.#entries.size, bytes: this.#bytes, evictions: this.#evictions };
  }

  #add(entry: TierEntry): void {
    this.#entries.set(entry.key, entry);
    this.#order.add(0, entry.key);
    this.#bytes += entry.bytes;
    entry.newer = null;
    entry.older = this.#newest;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    for (const tag of entry.tags) {
      const tagged = this.#byTag.get(tag);
      if (tagged === undefined) this.#byTag.set(tag, new Set([entry]));
      else tagged.add(entry);
    }
  }

  #tell(entry: TierEntry): void {
    const { served } = entry;
    if (served === 0) return;
    entry.served = 0;
    this.#onServed(entry.key, served);
  }

  #remove(entry: TierEntry): void {
    this.#tell(entry);
    this.#entries.delete(entry.key);
    this.#order.remove(0, entry.key);
    this.#bytes -= entry.bytes;
    if (this.#hand === entry) this.#hand = entry.newer;
    if (entry.newer === null) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === null) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    // A caller may hold the entry for long: it must not hold its neighbours.
    entry.newer = null;
    entry.older = null;
    for (const tag of entry.tags) {
      const tagged = this.#byTag.get(tag);
      if (tagged?.delete(entry) && tagged.size === 0) this.#byTag.delete(tag);
    }
  }

  /** Only called while there is something to evict. Ends, since each entry that the hand passes loses its flag. */
  #evict(): void {
    let candidate = this.#hand ?? this.#oldest!;
    while (candidate.visited) {
      candidate.visited = false;
      candidate = candidate.newer ?? this.#oldest!;
    }
    this.#hand = candidate;
    this.#remove(candidate);
    this.#evictions++;
  }
}
