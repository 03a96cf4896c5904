import { randomBytes } from "node:crypto";
import type { AtomicArgument, AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import type { KeySpace } from "../key-space.ts";
import type { Store } from "../store.ts";

/** An invalidation may take this much longer than a read; the store decides how long exactly. */
export const PATIENT = { deadlineMs: 0 };

/** Runs the atomic operations of a namespace in its buckets, with the names of its keys filled in. */
export class BucketCalls {
  readonly store: Store;
  readonly keys: KeySpace;
  /** Names this cache on the bus and on its wake channel. */
  readonly processId: string = randomBytes(9).toString("base64url");

  constructor(store: Store, keys: KeySpace) {
    this.store = store;
    this.keys = keys;
  }

  /** Runs an operation where a key lies, within the deadline of a read. */
  run(operation: AtomicOperation, key: string, args: readonly AtomicArgument[]): Promise<AtomicReply> {
    return this.runSoon(operation, this.keys.bucketOf(key), args);
  }

  /** Runs an operation in a bucket, within the deadline of a read. */
  runSoon(operation: AtomicOperation, bucket: number, args: readonly AtomicArgument[]): Promise<AtomicReply> {
    return this.#send(operation, bucket, args, undefined);
  }

  /** Runs an operation in a bucket, within the deadline of an invalidation. */
  runIn(operation: AtomicOperation, bucket: number, args: readonly AtomicArgument[]): Promise<AtomicReply> {
    return this.#send(operation, bucket, args, PATIENT);
  }

  /** Whether the bus lies where every script reaches it. */
  get inline(): boolean {
    return this.store.topology !== "cluster";
  }

  /** The keys that an operation in a bucket is given: the index, and the bus where every script reaches it. */
  keysOf(bucket: number): string[] {
    const index = this.keys.index(bucket);
    return this.inline ? [index, this.keys.bus] : [index];
  }

  get buckets(): number[] {
    return Array.from({ length: this.keys.buckets }, (_, bucket) => bucket);
  }

  /** What lies together, by bucket. */
  group<T>(items: readonly T[], keyOf: (item: T) => string): Map<number, T[]> {
    const groups = new Map<number, T[]>();
    for (const item of items) {
      const bucket = this.keys.bucketOf(keyOf(item));
      const group = groups.get(bucket);
      if (group === undefined) groups.set(bucket, [item]);
      else group.push(item);
    }
    return groups;
  }

  #send(
    operation: AtomicOperation,
    bucket: number,
    args: readonly AtomicArgument[],
    options: { deadlineMs: number } | undefined,
  ): Promise<AtomicReply> {
    const names = [this.keys.base, this.keys.hashTag(bucket), ...args];
    return this.store.run(operation, this.keysOf(bucket), names, options);
  }
}
