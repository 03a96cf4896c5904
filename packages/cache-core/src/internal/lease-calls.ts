import type { AtomicArgument, AtomicReply } from "../atomic-operation.ts";
import type { Clock } from "../clock.ts";
import { StoreReplyError } from "../errors.ts";
import { entryArguments } from "../scripts/entry-arguments.ts";
import { fillEntries } from "../scripts/fill-entries.ts";
import { findLease } from "../scripts/find-lease.ts";
import { giveBackLeases } from "../scripts/give-back-leases.ts";
import { releaseLease } from "../scripts/release-lease.ts";
import { renewLease } from "../scripts/renew-lease.ts";
import { takeLeases } from "../scripts/take-leases.ts";
import { type AbandonedLease, AbandonedLeases } from "./abandoned-leases.ts";
import { Batch } from "./batch.ts";
import type { BucketCalls } from "./bucket-calls.ts";
import type { Put } from "./put-calls.ts";

/** Keys of one script that reads or fills: about 1 ms of the server's time. */
const BATCH_LIMIT = 16;
/** A fetch that takes longer is not stored. */
const LONGEST_FETCH_MS = 300_000;
/** What `leaseTtl` allows. */
const LONGEST_LIVENESS_MS = 60_000;

/** In place of a creation time: nobody has looked, so a key of another type is to be told, as an empty entry. */
export const UNSEEN = -2;

/** What `take` found. */
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

interface FillItem {
  readonly put: Put;
  readonly token: string;
  readonly keeps: boolean;
}

/** Takes, fills, renews and gives back the leases of keys. One that could not be given back is tried again. */
export class LeaseCalls {
  readonly #calls: BucketCalls;
  readonly #noteWrite: (put: Put) => void;
  readonly #abandoned: AbandonedLeases;
  readonly #leaseBatches: Batch<LeaseItem, LeaseReply>[] = [];
  readonly #fillBatches: Batch<FillItem, boolean>[] = [];
  #tokens = 0;

  /** `noteWrite` is told of each entry that is about to be filled. */
  constructor(calls: BucketCalls, clock: Clock, noteWrite: (put: Put) => void) {
    this.#calls = calls;
    this.#noteWrite = noteWrite;
    this.#abandoned = new AbandonedLeases(
      (leases) => this.#giveBack(leases),
      () => calls.store.available,
      clock,
    );
  }

  /** Names a lease. Unique among all processes; it is no secret. */
  nextToken(): string {
    return `${this.#calls.processId}.${(this.#tokens++).toString(36)}`;
  }

  /** Takes the lease of a key, or finds out who has it. Asked together with what else is asked in this turn. */
  take(key: string, token: string, livenessMs: number, waiter: string, known: number): Promise<LeaseReply> {
    return this.#leaseBatch(this.#calls.keys.bucketOf(key)).add({ key, token, livenessMs, waiter, known });
  }

  /**
   * Whether the value was stored. Sent together with what else is filled in this turn.
   *
   * @param keeps where the store does not answer the lease is not given back: its value is offered again, or it is given up
   */
  fill(put: Put, token: string, keeps = false): Promise<boolean> {
    this.#noteWrite(put);
    return this.#fillBatch(this.#calls.keys.bucketOf(put.key)).add({ put, token, keeps });
  }

  /** Nobody will offer a value under the lease any more. */
  giveUp(key: string, token: string): void {
    this.#abandoned.add(key, token);
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
      (await this.#calls.run(releaseLease, key, args).catch((error) => this.#abandon(key, token, error))) ===
      1
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
      [...this.#calls.group(leases, ({ key }) => key)].map(async ([bucket, group]) => {
        const args = group.flatMap(({ key, token }) => [key, token]);
        const replies = await this.#calls.runIn(giveBackLeases, bucket, args).catch(() => undefined);
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
    return (await this.#calls.run(findLease, key, [key])) === 1;
  }

  async renew(key: string, token: string, livenessMs: number): Promise<boolean> {
    return (await this.#calls.run(renewLease, key, [key, token, livenessMs])) === 1;
  }

  #leaseBatch(bucket: number): Batch<LeaseItem, LeaseReply> {
    this.#leaseBatches[bucket] ??= new Batch(BATCH_LIMIT, (items) => this.#takeAll(bucket, items));
    return this.#leaseBatches[bucket];
  }

  async #takeAll(bucket: number, items: readonly LeaseItem[]): Promise<readonly LeaseReply[]> {
    const args: AtomicArgument[] = [(items[0] as LeaseItem).livenessMs];
    for (const { key, token, waiter, known } of items) args.push(key, token, waiter, known);
    try {
      const told = (await this.#calls.runSoon(takeLeases, bucket, args)) as AtomicReply[];
      const replies = items.map((_, i) => readReply(told[i]));
      for (const [i, reply] of replies.entries()) {
        if (reply.kind === "held" && reply.livenessMs > LONGEST_LIVENESS_MS)
          replies[i] = await this.#takeOver(items[i] as LeaseItem, reply.token);
      }
      return replies;
    } catch (error) {
      for (const { key, token } of items) this.#abandoned.add(key, token);
      throw error;
    }
  }

  /** The server's clock was set back: a holder that is dead would be waited for as long. One that is not is refused. */
  async #takeOver(item: LeaseItem, holder: string): Promise<LeaseReply> {
    const { key, token, livenessMs, waiter, known } = item;
    await this.release(key, holder, "r");
    return this.take(key, token, livenessMs, waiter, known);
  }

  #fillBatch(bucket: number): Batch<FillItem, boolean> {
    this.#fillBatches[bucket] ??= new Batch(BATCH_LIMIT, (items) => this.#fillAll(bucket, items));
    return this.#fillBatches[bucket];
  }

  async #fillAll(bucket: number, items: readonly FillItem[]): Promise<readonly boolean[]> {
    const args: AtomicArgument[] = [LONGEST_FETCH_MS];
    for (const { put, token } of items) args.push(put.key, token, ...entryArguments(put));
    try {
      const replies = (await this.#calls.runSoon(fillEntries, bucket, args)) as AtomicReply[];
      return replies.map((reply) => reply === 1);
    } catch (error) {
      for (const { put, token, keeps } of items) if (!keeps) this.giveUp(put.key, token);
      throw error;
    }
  }

  close(): void {
    this.#abandoned.close();
  }
}

function readReply(reply: AtomicReply | undefined): LeaseReply {
  if (!Array.isArray(reply)) throw new StoreReplyError({ operation: takeLeases.name, received: reply });
  const [kind, entry, left, holder] = reply as [number, Buffer | null, number, Buffer];
  if (kind === 1) return { kind: "found", entry: entry as Buffer };
  if (kind === 0) return { kind: "granted", entry };
  return { kind: "held", entry, livenessMs: left, token: holder.toString("utf8") };
}
