import type { KeySpace } from "../key-space.ts";
import { indexState } from "../scripts/index-state.ts";
import { reindex } from "../scripts/reindex.ts";
import { verifyIndex } from "../scripts/verify-index.ts";
import type { Store } from "../store.ts";

/** How long an empty index is remembered as complete, at most. */
const EMPTY_INDEX_MS = 60_000;
const PAGE = 200;

/**
 * Completes indexes that may lack members because they, or a tag set, were evicted or deleted: scans the store for
 * entries of the namespace and registers what an index does not know. Paced, shared by all who wait for it,
 * and needed only after a loss, or once for a namespace that is new on a store that holds other keys.
 */
export class Repair {
  readonly #store: Store;
  readonly #keys: KeySpace;
  readonly #emptyMs: () => number;
  readonly #onError: (where: string, error: unknown) => void;
  #running: Promise<number> | undefined;
  #next: Promise<number> | undefined;
  #background = false;
  #closed = false;

  /** `longestMs`: the longest TTL in use; nothing of the namespace stays longer. */
  constructor(
    store: Store,
    keys: KeySpace,
    longestMs: () => number,
    onError: (where: string, error: unknown) => void,
  ) {
    this.#emptyMs = () => Math.min(EMPTY_INDEX_MS, longestMs());
    this.#store = store;
    this.#keys = keys;
    this.#onError = onError;
  }

  /** Resolves to the number of entries that had to be registered, after a scan that began later than this call. */
  complete(): Promise<number> {
    if (this.#running === undefined) return this.#start();
    // A scan under way may have passed what was lost meanwhile; the next one serves all who came during this one.
    this.#next ??= this.#running
      .catch(() => 0)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  checkInBackground(): void {
    if (this.#background || this.#closed) return;
    this.#background = true;
    this.complete()
      .catch((error) => {
        if (!this.#closed && this.#store.available) this.#onError("repair", error);
      })
      .finally(() => {
        this.#background = false;
      });
  }

  close(): void {
    this.#closed = true;
  }

  #start(): Promise<number> {
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<number> {
    const marks = new Map<number, Buffer[]>();
    for (let bucket = 0; bucket < this.#keys.buckets; bucket++) {
      const found = (await this.#send(indexState, bucket, [this.#emptyMs()])) as Buffer[];
      if (found.length > 0) marks.set(bucket, found);
    }
    if (marks.size === 0) return 0;
    let unknown = 0;
    for await (const names of this.#store.scan(`${this.#keys.base}e`)) {
      if (this.#closed) return unknown;
      unknown += await this.#register(names, marks);
    }
    for (const [bucket, found] of marks) {
      await this.#send(verifyIndex, bucket, [this.#emptyMs(), ...found]);
    }
    return unknown;
  }

  /** Registers scanned names, bucket by bucket. */
  async #register(names: readonly string[], marks: ReadonlyMap<number, unknown>): Promise<number> {
    const groups = new Map<number, string[]>();
    for (const name of names) {
      // `crm:1e:key`, or `crm:1e{tag}:key` in a Cluster.
      const key = name.slice(name.indexOf(":", this.#keys.base.length) + 1);
      const bucket = this.#keys.bucketOf(key);
      if (!marks.has(bucket)) continue;
      const group = groups.get(bucket) ?? [];
      group.push(key);
      groups.set(bucket, group);
    }
    let unknown = 0;
    for (const [bucket, group] of groups) {
      for (let i = 0; i < group.length; i += PAGE) {
        unknown += (await this.#send(reindex, bucket, group.slice(i, i + PAGE))) as number;
      }
    }
    return unknown;
  }

  #send(
    operation: Parameters<Store["run"]>[0],
    bucket: number,
    args: Parameters<Store["run"]>[2],
  ): ReturnType<Store["run"]> {
    const index = this.#keys.index(bucket);
    const keys = this.#store.topology === "cluster" ? [index] : [index, this.#keys.bus];
    const names = [this.#keys.base, this.#keys.hashTag(bucket), ...args];
    return this.#store.run(operation, keys, names, { deadlineMs: 0 });
  }
}
