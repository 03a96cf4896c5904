import type { TaskRecord } from "./task-record.ts";

/** A key that is fresh until a moment, and whose it is. */
export interface ExpiringKey {
  readonly record: TaskRecord;
  readonly key: string;
  /** Ms of the store's clock. */
  readonly freshUntil: number;
  /** The listing of families that it was last seen in. */
  listing: number;
}

/**
 * When what was warmed expires: a binary heap by time, so that what is due is found in O(log n) a key, and nothing is asked of
 * the store for what is not. A key that is noted again leaves its old place, which is passed over when it comes up.
 */
export class ExpiryIndex {
  readonly #heap: ExpiringKey[] = [];
  readonly #latest = new Map<string, ExpiringKey>();

  /** Keys in the index. */
  get size(): number {
    return this.#latest.size;
  }

  /** Keys and places that are passed over. */
  get places(): number {
    return this.#heap.length;
  }

  set(record: TaskRecord, key: string, freshUntil: number, listing = 0): void {
    const entry: ExpiringKey = { record, key, freshUntil, listing };
    this.#latest.set(key, entry);
    if (!this.#tidy()) this.#push(entry);
  }

  get(key: string): ExpiringKey | undefined {
    return this.#latest.get(key);
  }

  delete(key: string): void {
    this.#latest.delete(key);
  }

  /** Forgets the keys of a family that were not seen in this listing or a later one. O(keys). */
  deleteUnlisted(family: string, listing: number): void {
    for (const [key, each] of this.#latest) {
      if (each.record.name === family && each.record.fetcher === undefined && each.listing < listing) {
        this.#latest.delete(key);
      }
    }
    this.#tidy();
  }

  /** Takes out the keys that expire before a moment, soonest first. */
  takeDue(before: number): ExpiringKey[] {
    const due: ExpiringKey[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.freshUntil < before; top = this.#heap[0]) {
      this.#pop();
      if (this.#latest.get(top.key) !== top) continue;
      this.#latest.delete(top.key);
      due.push(top);
    }
    return due;
  }

  /** Keys that were set again, or deleted, leave a place behind each; no more of them than there are keys. Returns whether it was made anew. */
  #tidy(): boolean {
    if (this.#heap.length <= 64 || this.#heap.length <= 2 * this.#latest.size) return false;
    const entries = [...this.#latest.values()].sort((a, b) => a.freshUntil - b.freshUntil);
    this.#heap.length = 0;
    // A sorted array is a heap.
    for (const entry of entries) this.#heap.push(entry);
    return true;
  }

  #push(entry: ExpiringKey): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as ExpiringKey;
      if (above.freshUntil <= entry.freshUntil) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as ExpiringKey;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && right.freshUntil < (heap[child] as ExpiringKey).freshUntil) child++;
      const below = heap[child] as ExpiringKey;
      if (below.freshUntil >= last.freshUntil) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}
