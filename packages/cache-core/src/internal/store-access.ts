import { randomBytes } from "node:crypto";
import type { AtomicArgument, AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import type { Clock } from "../clock.ts";
import type { EntryParts } from "../entry.ts";
import { StoreReplyError, StoreUnavailableError } from "../errors.ts";
import type { KeySpace } from "../key-space.ts";
import { appendBus } from "../scripts/append-bus.ts";
import { countEntries } from "../scripts/count-entries.ts";
import { entryTimes } from "../scripts/entry-times.ts";
import { fillEntries } from "../scripts/fill-entries.ts";
import { findLease } from "../scripts/find-lease.ts";
import { giveBackLeases } from "../scripts/give-back-leases.ts";
import { invalidateKeys } from "../scripts/invalidate-keys.ts";
import { invalidateRange } from "../scripts/invalidate-range.ts";
import { invalidateTag } from "../scripts/invalidate-tag.ts";
import { listEntries } from "../scripts/list-entries.ts";
import { pruneIndex } from "../scripts/prune-index.ts";
import { putEntries } from "../scripts/put-entries.ts";
import { releaseLease } from "../scripts/release-lease.ts";
import { renewLease } from "../scripts/renew-lease.ts";
import { takeLeases } from "../scripts/take-leases.ts";
import type { Store } from "../store.ts";
import { type AbandonedLease, AbandonedLeases } from "./abandoned-leases.ts";
import { Batch } from "./batch.ts";
import { Cleaning } from "./cleaning.ts";
import { type CoverageParts, type CoveredRange, encodeMessage } from "./coverage.ts";
import { eachOf } from "./each-of.ts";
import { Repair } from "./repair.ts";
import { runInTime } from "./run-in-time.ts";

/** Keys of one page of an invalidation: about 3 ms of the server's time. */
const PAGE = 1_000;
/** Invalidations that the bus remembers, unless somebody keeps a history on it. */
const BUS_LIMIT = 1_000;
const NOTHING: CoverageParts = { keys: [], tags: [], ranges: [], soft: false };
/** Keys of one script that reads or fills: about 1 ms of the server's time. */
const BATCH_LIMIT = 16;
/** A fetch that takes longer is not stored. */
const LONGEST_FETCH_MS = 300_000;
/** An invalidation may take this much longer than a read; the store decides how long exactly. */
const PATIENT = { deadlineMs: 0 };

/** What `takeLease` found. */
export type LeaseReply =
  | { readonly kind: "granted"; readonly entry: Buffer | null }
  | { readonly kind: "found"; readonly entry: Buffer }
  | {
      readonly kind: "held";
      readonly entry: Buffer | null;
      readonly livenessMs: number;
      readonly token: string;
    };

/** What those who wait are told of a lease that ends without a value: null, undefined, find out for yourselves, ask again. */
export type Unstored = "n" | "u" | "e" | "r";

interface LeaseItem {
  readonly key: string;
  readonly token: string;
  readonly livenessMs: number;
  readonly waiter: string;
  readonly known: number;
}

/** An entry to be written. */
export interface Put {
  readonly key: string;
  readonly freshMs: number;
  readonly totalMs: number;
  readonly parts: EntryParts;
  readonly tags: readonly string[];
}

/** The atomic operations of a namespace, with the names of its keys and the bus filled in. */
export class StoreAccess {
  readonly store: Store;
  readonly keys: KeySpace;
  /** Names this cache on the bus and on its wake channel. */
  readonly processId: string = randomBytes(9).toString("base64url");
  readonly #repair: Repair;
  readonly #abandoned: AbandonedLeases;
  readonly #cleaning: Cleaning;
  readonly #leaseBatches: Batch<LeaseItem, AtomicReply>[] = [];
  readonly #fillBatches: Batch<{ put: Put; token: string }, AtomicReply>[] = [];
  readonly #putBatches: Batch<Put, null>[] = [];
  /** Invalidations whose record is on the bus already, should they be tried again. */
  readonly #recorded = new WeakSet<CoverageParts>();
  /** What the bus keeps: a number of messages, or `<messages>:<ms>`. */
  #busLimit: number | string = BUS_LIMIT;
  #tokens = 0;
  #longestTtlMs = 0;
  readonly #defaultTtlMs: number;

  constructor(
    store: Store,
    keys: KeySpace,
    defaultTtlMs: number,
    onBackgroundError: (where: string, error: unknown) => void,
    clock: Clock,
    random: () => number,
  ) {
    this.store = store;
    this.keys = keys;
    this.#defaultTtlMs = defaultTtlMs;
    this.#repair = new Repair(store, keys, () => this.#busTtlMs, onBackgroundError);
    this.#abandoned = new AbandonedLeases(
      (leases) => this.#giveBack(leases),
      () => store.available,
      clock,
    );
    this.#cleaning = new Cleaning(
      keys,
      (bucket, args) => this.#runIn(pruneIndex, bucket, args),
      random,
      () => this.#repair.checkInBackground(),
    );
  }

  /** Names a lease. Unique among all processes; it is no secret. */
  nextToken(): string {
    return `${this.processId}.${(this.#tokens++).toString(36)}`;
  }

  /** Takes the lease of a key, or finds out who has it. Asked together with what else is asked in this turn. */
  async takeLease(
    key: string,
    token: string,
    livenessMs: number,
    waiter: string,
    known: number,
  ): Promise<LeaseReply> {
    const batch = this.#leaseBatch(this.keys.bucketOf(key));
    const item: LeaseItem = { key, token, livenessMs, waiter, known };
    const reply = await batch.add(item).catch((error) => this.#abandon(key, token, error));
    if (!Array.isArray(reply)) throw new StoreReplyError({ operation: takeLeases.name, received: reply });
    const [kind, entry, left, holder] = reply as [number, Buffer | null, number, Buffer];
    if (kind === 1) return { kind: "found", entry: entry as Buffer };
    if (kind === 0) return { kind: "granted", entry };
    return { kind: "held", entry, livenessMs: left, token: holder.toString("utf8") };
  }

  /** Whether the value was stored. Sent together with what else is filled in this turn. */
  async fill(put: Put, token: string): Promise<boolean> {
    this.#noteWrite(put);
    const batch = this.#fillBatch(this.keys.bucketOf(put.key));
    return (await batch.add({ put, token }).catch((error) => this.#abandon(put.key, token, error))) === 1;
  }

  /** Whether the lease still stood and none of the tags was invalidated since it was taken. */
  async release(
    key: string,
    token: string,
    outcome: Unstored,
    tags: readonly string[] = [],
  ): Promise<boolean> {
    const args = [key, token, outcome, ...tags];
    return (
      (await this.#run(releaseLease, key, args).catch((error) => this.#abandon(key, token, error))) === 1
    );
  }

  /** The store answers again. */
  wake(): void {
    this.#abandoned.wake();
  }

  /** Whether each lease stood; `undefined` where the store did not answer. */
  async #giveBack(leases: readonly AbandonedLease[]): Promise<(boolean | undefined)[]> {
    const stood = new Map<AbandonedLease, boolean>();
    await Promise.all(
      [...this.#group(leases, ({ key }) => key)].map(async ([bucket, group]) => {
        const args = group.flatMap(({ key, token }) => [key, token]);
        const replies = await this.#runIn(giveBackLeases, bucket, args).catch(() => undefined);
        if (!Array.isArray(replies)) return;
        for (const [i, lease] of group.entries()) stood.set(lease, replies[i] === 1);
      }),
    );
    return leases.map((lease) => stood.get(lease));
  }

  /** Nobody will fill under the lease, which may stand all the same. */
  #abandon(key: string, token: string, error: unknown): never {
    this.#abandoned.add(key, token);
    throw error;
  }

  /** Whether somebody may fill the key. */
  async isLeased(key: string): Promise<boolean> {
    return (await this.#run(findLease, key, [key])) === 1;
  }

  async renew(key: string, token: string, livenessMs: number): Promise<boolean> {
    return (await this.#run(renewLease, key, [key, token, livenessMs])) === 1;
  }

  #leaseBatch(bucket: number): Batch<LeaseItem, AtomicReply> {
    let batch = this.#leaseBatches[bucket];
    if (batch === undefined) {
      batch = new Batch(BATCH_LIMIT, async (items) => {
        const args: AtomicArgument[] = [(items[0] as LeaseItem).livenessMs];
        for (const { key, token, waiter, known } of items) args.push(key, token, waiter, known);
        return (await this.#send(takeLeases, bucket, args, undefined)) as readonly AtomicReply[];
      });
      this.#leaseBatches[bucket] = batch;
    }
    return batch;
  }

  #fillBatch(bucket: number): Batch<{ put: Put; token: string }, AtomicReply> {
    let batch = this.#fillBatches[bucket];
    if (batch === undefined) {
      batch = new Batch(BATCH_LIMIT, async (items) => {
        const args: AtomicArgument[] = [LONGEST_FETCH_MS];
        for (const { put, token } of items) {
          const { key, freshMs, totalMs, parts, tags } = put;
          args.push(key, token, freshMs, totalMs, parts.kind, parts.flags, parts.costMs, parts.checksum);
          args.push(parts.payload, tags.length, ...tags);
        }
        return (await this.#send(fillEntries, bucket, args, undefined)) as readonly AtomicReply[];
      });
      this.#fillBatches[bucket] = batch;
    }
    return batch;
  }

  #putBatch(bucket: number): Batch<Put, null> {
    let batch = this.#putBatches[bucket];
    if (batch === undefined) {
      batch = new Batch(BATCH_LIMIT, async (puts) => {
        const message = this.#message({
          keys: puts.map((put) => put.key),
          tags: [],
          ranges: [],
          soft: false,
        });
        await this.#putIn(bucket, puts, this.#inline ? message : "");
        if (!this.#inline) await this.#tellBus(message);
        return puts.map(() => null);
      });
      this.#putBatches[bucket] = batch;
    }
    return batch;
  }

  /** Writes one entry, together with what else is written in this turn, and tells the bus. */
  async putOne(put: Put): Promise<void> {
    await this.#putBatch(this.keys.bucketOf(put.key)).add(put);
  }

  async #putIn(bucket: number, puts: readonly Put[], message: string): Promise<void> {
    for (const put of puts) this.#noteWrite(put);
    const entries: AtomicArgument[] = [];
    for (const { key, freshMs, totalMs, parts, tags } of puts) {
      entries.push(key, freshMs, totalMs, parts.kind, parts.flags, parts.costMs, parts.checksum);
      entries.push(parts.payload, tags.length, ...tags);
    }
    const { base } = this.keys;
    const hashTag = this.keys.hashTag(bucket);
    await runInTime(this.store, putEntries, this.#keysOf(bucket), (until) => [
      ...[base, hashTag, message, this.#busTtlMs, this.#busLimit, until],
      ...entries,
    ]);
  }

  /** Writes entries, a script a bucket, and tells the bus. */
  async put(puts: readonly Put[]): Promise<void> {
    const byBucket = this.#group(puts, (put) => put.key);
    const message = this.#message({ keys: puts.map((put) => put.key), tags: [], ranges: [], soft: false });
    const inline = this.#inline && byBucket.size === 1;
    await Promise.all(
      [...byBucket].map(([bucket, group]) => this.#putIn(bucket, group, inline ? message : "")),
    );
    if (!inline) await this.#tellBus(message);
  }

  /**
   * Applies an invalidation everywhere and tells the bus. Resolves to the number of entries it met. `outcome` makes the record
   * that goes with the message where that follows the last step.
   */
  async invalidate(coverage: CoverageParts, outcome?: (removed: number) => object): Promise<number> {
    const { keys, tags, ranges, soft, record } = coverage;
    const steps = (keys.length > 0 ? 1 : 0) + tags.length + ranges.length;
    const inline = this.#inline && this.keys.buckets === 1 && steps === 1 && keys.length <= PAGE;
    // In more than one step: the record comes first, so that what is removed is on record wherever the process ends.
    if (record !== undefined && !inline && !this.#recorded.has(coverage)) {
      await this.appendRecord(record);
      this.#recorded.add(coverage);
    }
    const inlineMessage = inline ? this.#message(coverage) : "";
    const mode = soft ? (steps > 1 || record !== undefined ? 2 : 1) : 0;
    let count = 0;
    if (keys.length > 0) count += await this.#invalidateKeys(keys, mode, inlineMessage);
    const removals = [
      ...tags.map((tag) => () => this.#invalidateTag(tag, mode, inlineMessage)),
      ...ranges.map((range) => () => this.#invalidateRange(range, mode, inlineMessage)),
    ];
    for (const removed of await eachOf(removals, (remove) => remove())) count += removed;
    if (!inline) await this.#tellBus(this.#message({ keys, tags, ranges, soft, record: outcome?.(count) }));
    return count;
  }

  /** The entries of a range or a tag, with their states; see `listEntries`. Maintenance: its cost follows the range. */
  async list(kind: "range" | "tag", name: string): Promise<{ key: string; state: number }[]> {
    const pages = await Promise.all(
      this.#buckets().map(async (bucket) => {
        const found = new Map<string, number>();
        let cursor = "";
        do {
          const reply = await this.#runIn(listEntries, bucket, [kind, name, cursor, PAGE]);
          const [keys, states, next] = reply as [Buffer[], number[], Buffer];
          keys.forEach((key, i) => void found.set(key.toString("utf8"), states[i] as number));
          cursor = next.toString("utf8");
        } while (cursor !== "");
        return [...found].map(([key, state]) => ({ key, state }));
      }),
    );
    return pages.flat();
  }

  /** The first bytes of entries of one bucket, in the order of the keys; empty where there is none. */
  async heads(bucket: number, keys: readonly string[]): Promise<readonly Buffer[]> {
    return (await this.#runIn(entryTimes, bucket, keys)) as readonly Buffer[];
  }

  /** Puts a record onto the bus that invalidates nothing. */
  async appendRecord(record: object): Promise<void> {
    await this.#tellBus(this.#message({ ...NOTHING, record }));
  }

  /** From now on this process sees to it that the bus keeps so much. */
  keepHistory(messages: number, ageMs: number): void {
    this.#busLimit = `${Math.max(BUS_LIMIT, messages)}:${ageMs}`;
  }

  /** Live entries in a range of keys. */
  async count(prefix: string, scopes: boolean): Promise<number> {
    const counts = await Promise.all(
      this.#buckets().map(async (bucket) => {
        let total = 0;
        let cursor = "";
        do {
          const reply = await this.#runIn(countEntries, bucket, [prefix, cursor, PAGE, scopes ? 1 : 0]);
          const [count, next] = reply as [number, Buffer];
          total += count;
          cursor = next.toString("utf8");
        } while (cursor !== "");
        return total;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Looks whether the indexes are complete, and completes them if not. In the background. */
  checkIndexes(): void {
    this.#repair.checkInBackground();
  }

  close(): void {
    this.#repair.close();
    this.#abandoned.close();
  }

  async #invalidateKeys(keys: readonly string[], mode: number, inlineMessage: string): Promise<number> {
    const steps: Promise<number>[] = [];
    for (const [bucket, group] of this.#group(keys, (key) => key)) {
      for (let i = 0; i < group.length; i += PAGE) {
        const args = [mode, inlineMessage, this.#busTtlMs, this.#busLimit, ...group.slice(i, i + PAGE)];
        steps.push(this.#runIn(invalidateKeys, bucket, args) as Promise<number>);
      }
    }
    return (await Promise.all(steps)).reduce((sum, count) => sum + count, 0);
  }

  #invalidateTag(tag: string, mode: number, inlineMessage: string): Promise<number> {
    return this.#everywhere(mode, (bucket, cursor) => {
      const at = cursor === "" ? "0" : cursor;
      return this.#runIn(invalidateTag, bucket, [
        ...[mode, inlineMessage, this.#busTtlMs, this.#busLimit],
        ...[tag, at, PAGE],
      ]);
    });
  }

  #invalidateRange(range: CoveredRange, mode: number, inlineMessage: string): Promise<number> {
    const { prefix, skip, glob, scopes } = range;
    return this.#everywhere(mode, (bucket, cursor) =>
      this.#runIn(invalidateRange, bucket, [
        ...[mode, inlineMessage, this.#busTtlMs, this.#busLimit],
        ...[prefix, Buffer.byteLength(skip), glob, cursor, PAGE, scopes ? 1 : 0],
      ]),
    );
  }

  /**
   * Runs a paged step in every bucket. A bucket whose index may lack members is completed and visited again: what the
   * first visit could not see was there before the call, so it has to go before the call is acknowledged. That holds
   * also when the repair found nothing: another one, of this process or not, may have registered it since the visit.
   */
  async #everywhere(
    mode: number,
    step: (bucket: number, cursor: string) => Promise<AtomicReply>,
  ): Promise<number> {
    const counts = await Promise.all(
      this.#buckets().map(async (bucket) => {
        let total = 0;
        let complete = false;
        for (let round = 0; ; round++) {
          let verified = 1;
          let cursor = "";
          // What is marked stale is still there, and met again.
          if (mode === 1) total = 0;
          do {
            const [count, next, whole] = (await step(bucket, cursor)) as [number, Buffer, number];
            total += count;
            verified = Math.min(verified, whole);
            cursor = next.toString("utf8");
          } while (cursor !== "");
          if (verified === 1 || complete) return total;
          // What vanishes faster than it is found again cannot hold the caller for ever, and is not acknowledged.
          if (round === 4) throw new StoreUnavailableError({ operation: "repair", reason: "error" });
          complete = (await this.#repair.complete()) === 0;
        }
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #noteWrite({ key, totalMs, tags }: Put): void {
    if (totalMs > this.#longestTtlMs) this.#longestTtlMs = totalMs;
    this.#cleaning.noteWrite(key, tags);
  }

  /** Nothing on the bus matters longer than the longest-lived entry. */
  get #busTtlMs(): number {
    return this.#longestTtlMs === 0 ? this.#defaultTtlMs : this.#longestTtlMs;
  }

  /** Whether the bus lies where every script reaches it. */
  get #inline(): boolean {
    return this.store.topology !== "cluster";
  }

  #message(coverage: CoverageParts): string {
    return encodeMessage(this.processId, coverage);
  }

  async #tellBus(message: string): Promise<void> {
    const bus = this.keys.bus;
    await this.store.run(appendBus, [bus, bus], ["", "", message, this.#busTtlMs, this.#busLimit], PATIENT);
  }

  #run(operation: AtomicOperation, key: string, args: readonly AtomicArgument[]): Promise<AtomicReply> {
    return this.#send(operation, this.keys.bucketOf(key), args, undefined);
  }

  #runIn(operation: AtomicOperation, bucket: number, args: readonly AtomicArgument[]): Promise<AtomicReply> {
    return this.#send(operation, bucket, args, PATIENT);
  }

  #send(
    operation: AtomicOperation,
    bucket: number,
    args: readonly AtomicArgument[],
    options: { deadlineMs: number } | undefined,
  ): Promise<AtomicReply> {
    const names = [this.keys.base, this.keys.hashTag(bucket), ...args];
    return this.store.run(operation, this.#keysOf(bucket), names, options);
  }

  #keysOf(bucket: number): string[] {
    const index = this.keys.index(bucket);
    return this.#inline ? [index, this.keys.bus] : [index];
  }

  #buckets(): number[] {
    return Array.from({ length: this.keys.buckets }, (_, bucket) => bucket);
  }

  #group<T>(items: readonly T[], keyOf: (item: T) => string): Map<number, T[]> {
    const groups = new Map<number, T[]>();
    for (const item of items) {
      const bucket = this.keys.bucketOf(keyOf(item));
      const group = groups.get(bucket);
      if (group === undefined) groups.set(bucket, [item]);
      else group.push(item);
    }
    return groups;
  }
}
