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

/** Takes, fills, renews and gives back the leases of keys. One that could not be given back is tried again. */
export class LeaseCalls {
  readonly #calls: BucketCalls;
  readonly #noteWrite: (put: Put) => void;
  readonly #abandoned: AbandonedLeases;
  readonly #leaseBatches: Batch<LeaseItem, AtomicReply>[] = [];
  readonly #fillBatches: Batch<{ put: Put; token: string }, AtomicReply>[] = [];
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
  async take(
    key: string,
    token: string,
    livenessMs: number,
    waiter: string,
    known: number,
  ): Promise<LeaseReply> {
    const batch = this.#leaseBatch(this.#calls.keys.bucketOf(key));
    const item: LeaseItem = { key, token, livenessMs, waiter, known };
    const reply = await batch.add(item).catch((error) => this.#abandon(key, token, error));
    if (!Array.isArray(reply)) throw new StoreReplyError({ operation: takeLeases.name, received: reply });
    const [kind, entry, left, holder] = reply as [number, Buffer | null, number, Buffer];
    if (kind === 1) return { kind: "found", entry: entry as Buffer };
    if (kind === 0) return { kind: "granted", entry };
    if (left > LONGEST_LIVENESS_MS) {
      // The server's clock was set back: a holder that is dead would be waited for as long. One that is not is refused.
      await this.release(key, holder.toString("utf8"), "r");
      return this.take(key, token, livenessMs, waiter, known);
    }
    return { kind: "held", entry, livenessMs: left, token: holder.toString("utf8") };
  }

  /** Whether the value was stored. Sent together with what else is filled in this turn. */
  async fill(put: Put, token: string): Promise<boolean> {
    this.#noteWrite(put);
    const batch = this.#fillBatch(this.#calls.keys.bucketOf(put.key));
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

  #leaseBatch(bucket: number): Batch<LeaseItem, AtomicReply> {
    let batch = this.#leaseBatches[bucket];
    if (batch === undefined) {
      batch = new Batch(BATCH_LIMIT, async (items) => {
        const args: AtomicArgument[] = [(items[0] as LeaseItem).livenessMs];
        for (const { key, token, waiter, known } of items) args.push(key, token, waiter, known);
        return (await this.#calls.runSoon(takeLeases, bucket, args)) as readonly AtomicReply[];
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
        for (const { put, token } of items) args.push(put.key, token, ...entryArguments(put));
        return (await this.#calls.runSoon(fillEntries, bucket, args)) as readonly AtomicReply[];
      });
      this.#fillBatches[bucket] = batch;
    }
    return batch;
  }

  close(): void {
    this.#abandoned.close();
  }
}
