import type { AtomicArgument } from "../atomic-operation.ts";
import type { EntryParts } from "../entry.ts";
import { entryArguments } from "../scripts/entry-arguments.ts";
import { putEntries } from "../scripts/put-entries.ts";
import { Batch } from "./batch.ts";
import type { BucketCalls } from "./bucket-calls.ts";
import type { BusWrites } from "./bus-writes.ts";
import { runInTime } from "./run-in-time.ts";

/** Entries of one script: about 1 ms of the server's time. */
const BATCH_LIMIT = 16;

/** An entry to be written. */
export interface Put {
  readonly key: string;
  readonly freshMs: number;
  readonly totalMs: number;
  readonly parts: EntryParts;
  readonly tags: readonly string[];
}

/** Writes entries, and tells the bus. */
export class PutCalls {
  readonly #calls: BucketCalls;
  readonly #bus: BusWrites;
  readonly #noteWrite: (put: Put) => void;
  readonly #batches: Batch<Put, null>[] = [];

  /** `noteWrite` is told of each entry that is about to be written. */
  constructor(calls: BucketCalls, bus: BusWrites, noteWrite: (put: Put) => void) {
    this.#calls = calls;
    this.#bus = bus;
    this.#noteWrite = noteWrite;
  }

  /** Writes one entry, together with what else is written in this turn, and tells the bus. */
  async one(put: Put): Promise<void> {
    await this.#batchOf(this.#calls.keys.bucketOf(put.key)).add(put);
  }

  /** Writes entries, a script a bucket, and tells the bus. */
  async many(puts: readonly Put[]): Promise<void> {
    const byBucket = this.#calls.group(puts, (put) => put.key);
    const message = this.#bus.message({
      keys: puts.map((put) => put.key),
      tags: [],
      ranges: [],
      soft: false,
    });
    const inline = this.#calls.inline && byBucket.size === 1;
    await Promise.all(
      [...byBucket].map(([bucket, group]) => this.#putIn(bucket, group, inline ? message : "")),
    );
    if (!inline) await this.#bus.tell(message);
  }

  #batchOf(bucket: number): Batch<Put, null> {
    let batch = this.#batches[bucket];
    if (batch === undefined) {
      batch = new Batch(BATCH_LIMIT, async (puts) => {
        const message = this.#bus.message({
          keys: puts.map((put) => put.key),
          tags: [],
          ranges: [],
          soft: false,
        });
        await this.#putIn(bucket, puts, this.#calls.inline ? message : "");
        if (!this.#calls.inline) await this.#bus.tell(message);
        return puts.map(() => null);
      });
      this.#batches[bucket] = batch;
    }
    return batch;
  }

  async #putIn(bucket: number, puts: readonly Put[], message: string): Promise<void> {
    for (const put of puts) this.#noteWrite(put);
    const entries: AtomicArgument[] = [];
    for (const put of puts) entries.push(put.key, ...entryArguments(put));
    const { keys } = this.#calls;
    await runInTime(this.#calls.store, putEntries, this.#calls.keysOf(bucket), (until) => [
      ...[keys.base, keys.hashTag(bucket), message, this.#bus.ttlMs, this.#bus.limit, until],
      ...entries,
    ]);
  }
}
