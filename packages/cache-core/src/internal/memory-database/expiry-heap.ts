/** What the heap schedules. `heapIndex` belongs to the heap: its place, or -1. */
export interface Expiring {
  heapIndex: number;
}

/**
 * An indexed 4-ary min-heap of expiry times. Each item has at most one place, which moves when its time changes and
 * goes when the item goes, so the heap is never longer than the number of keys with an expiry.
 *
 * Four children a node, because three in four items are then leaves: pushing an expiry into the future, the usual
 * change, mostly moves nothing. Times lie apart from the items, so that a comparison does not follow a pointer.
 */
export class ExpiryHeap<T extends Expiring> {
  readonly #times: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest time, or `Infinity`. */
  get earliestMs(): number {
    return this.#times.length === 0 ? Infinity : this.#times[0]!;
  }

  /** The item with the earliest time. */
  get earliest(): T | undefined {
    return this.#items[0];
  }

  /** Adds the item or moves it. O(log n). */
  schedule(item: T, atMs: number): void {
    const index = item.heapIndex;
    if (index === -1) {
      this.#times.push(atMs);
      this.#items.push(item);
      this.#up(this.#items.length - 1, item, atMs);
    } else if (atMs < this.#times[index]!) {
      this.#up(index, item, atMs);
    } else {
      this.#down(index, item, atMs);
    }
  }

  /** Takes the item out, if it is in. O(log n). */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index === -1) return;
    item.heapIndex = -1;
    const lastTime = this.#times.pop()!;
    const last = this.#items.pop()!;
    if (last === item) return;
    if (lastTime < this.#times[index]!) this.#up(index, last, lastTime);
    else this.#down(index, last, lastTime);
  }

  clear(): void {
    this.#times.length = 0;
    this.#items.length = 0;
  }

  #up(start: number, item: T, atMs: number): void {
    const times = this.#times;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (times[parent]! <= atMs) break;
      this.#place(index, this.#items[parent]!, times[parent]!);
      index = parent;
    }
    this.#place(index, item, atMs);
  }

  #down(start: number, item: T, atMs: number): void {
    const times = this.#times;
    const length = times.length;
    let index = start;
    for (let child = 4 * index + 1; child < length; child = 4 * index + 1) {
      let smallest = child;
      const end = Math.min(child + 4, length);
      for (let other = child + 1; other < end; other++) {
        if (times[other]! < times[smallest]!) smallest = other;
      }
      if (times[smallest]! >= atMs) break;
      this.#place(index, this.#items[smallest]!, times[smallest]!);
      index = smallest;
    }
    this.#place(index, item, atMs);
  }

  #place(index: number, item: T, atMs: number): void {
    this.#times[index] = atMs;
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
