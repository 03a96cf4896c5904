import type { Clock } from "../clock.ts";
import type { ParsedEntry } from "../entry.ts";
import type { ResolvedMemoryTierOptions } from "../resolve-options.ts";
import type { Follower, Store, StreamMessage } from "../store.ts";
import { type Coverage, decodeCoverage, splitMessage } from "./coverage.ts";
import { MemoryTier, TierEntry } from "./memory-tier.ts";
import { RecentInvalidations } from "./recent-invalidations.ts";
import { shareValue } from "./share-value.ts";

const UNREADABLE = "a message of the bus could not be read";

/**
 * The in-process tier with its link to the bus. It answers only while the link is proven alive; what the link may have
 * missed is forgotten.
 */
export class LocalTier {
  readonly recent: RecentInvalidations = new RecentInvalidations();
  readonly #tier: MemoryTier;
  readonly #options: ResolvedMemoryTierOptions;
  readonly #clock: Clock;
  readonly #follower: Follower;
  readonly #processId: string;
  readonly #onFlush: (reason: string) => void;
  hits = 0;
  misses = 0;
  flushes = 0;

  constructor(
    store: Store,
    bus: string,
    processId: string,
    options: ResolvedMemoryTierOptions,
    clock: Clock,
    onFlush: (reason: string) => void,
    onServed: (key: string, hits: number) => void,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#processId = processId;
    this.#onFlush = onFlush;
    this.#tier = new MemoryTier(options, onServed);
    this.#follower = store.follow(
      bus,
      { onEntries: (entries) => this.#apply(entries), onGap: (reason) => this.flush(reason) },
      { maxSilenceMs: options.maxSilenceMs },
    );
  }

  get coherent(): boolean {
    return this.#clock.monotonic() < this.#follower.aliveUntil;
  }

  /** Resolves when the link stands. */
  get started(): Promise<void> {
    return this.#follower.started;
  }

  /** A fresh entry, while the link is alive. The hot path: one look-up and one reading of the clock. */
  hit(key: string): TierEntry | undefined {
    const entry = this.#tier.get(key);
    if (entry !== undefined) {
      const now = this.#clock.monotonic();
      if (now < entry.freshUntil && now < this.#follower.aliveUntil) {
        this.hits++;
        return entry;
      }
    }
    this.misses++;
    return undefined;
  }

  /** As `hit`, without counting or keeping the entry from eviction. */
  peek(key: string): TierEntry | undefined {
    const entry = this.#tier.peek(key);
    if (entry === undefined) return undefined;
    const now = this.#clock.monotonic();
    return now < entry.freshUntil && now < this.#follower.aliveUntil ? entry : undefined;
  }

  /** Keeps a value that was read at `mark`, unless something that covers it was applied since. */
  keep(
    key: string,
    entry: ParsedEntry,
    value: unknown,
    mark: number,
    serverNow: number,
  ): TierEntry | undefined {
    const freshMs = Math.min(entry.freshUntil - serverNow, this.#options.ttlMs);
    if (freshMs <= 0 || !this.coherent || this.recent.coveredSince(mark, key, entry.tags)) return undefined;
    const shared = shareValue(value);
    if (shared === undefined) return undefined;
    const now = this.#clock.monotonic();
    const kept = new TierEntry({
      key,
      shared,
      tags: entry.tags,
      freshUntil: now + freshMs,
      expiresAt: now + Math.max(0, entry.expiresAt - serverNow),
      createdAt: entry.createdAt,
    });
    this.#tier.set(kept);
    return kept;
  }

  /** Forgets what an invalidation covers, and remembers the invalidation for reads that are under way. */
  drop(coverage: Coverage): void {
    this.recent.add(coverage);
    for (const key of coverage.keys) this.#tier.delete(key);
    for (const tag of coverage.tags) this.#tier.deleteByTag(tag);
    for (const [i, { prefix }] of coverage.ranges.entries()) {
      this.#tier.deletePrefix(prefix, (key) => coverage.rangeCovers(i, key));
    }
  }

  flush(reason: string): void {
    this.recent.addUnknown();
    this.#tier.clear();
    this.flushes++;
    this.#onFlush(reason);
  }

  /** Tells of the hits that were not told yet. */
  tellServed(): void {
    this.#tier.tellServed();
  }

  stats(): { entries: number; bytes: number; evictions: number } {
    return this.#tier.stats();
  }

  async close(): Promise<void> {
    await this.#follower.stop();
    this.#tier.clear();
  }

  /**
   * Applies messages together. No read is sent or answered in between, so what is invalidated over and over is dropped
   * once: of what has piled up that is most.
   */
  #apply(entries: readonly StreamMessage[]): void {
    const covered = new Set<string>();
    for (const { message: text } of entries) {
      const message = text === undefined ? null : splitMessage(text);
      if (message === null) this.flush(UNREADABLE);
      // What this process invalidated it has dropped already, before it was acknowledged.
      else if (message.covered !== "" && message.origin !== this.#processId) covered.add(message.covered);
    }
    for (const each of covered) {
      const coverage = decodeCoverage(each);
      if (coverage === null) this.flush(UNREADABLE);
      else this.drop(coverage);
    }
  }
}
