import type { TaskRecord } from "./task-record.ts";

/** Tasks that may begin: highest priority first, then in the order in which they came. */
export class ReadyQueue {
  readonly #buckets: { items: TaskRecord[]; head: number }[] = Array.from({ length: 11 }, () => ({
    items: [],
    head: 0,
  }));
  readonly #priorityOf: (record: TaskRecord) => number;
  size = 0;

  constructor(priorityOf: (record: TaskRecord) => number) {
    this.#priorityOf = priorityOf;
  }

  push(record: TaskRecord): void {
    this.#bucket(record).items.push(record);
    this.size++;
  }

  /** Up to `count` tasks, taken out. */
  take(count: number): TaskRecord[] {
    const taken: TaskRecord[] = [];
    for (let priority = 10; priority > 0 && taken.length < count; priority--) {
      const bucket = this.#buckets[priority] as { items: TaskRecord[]; head: number };
      while (bucket.head < bucket.items.length && taken.length < count) {
        taken.push(bucket.items[bucket.head++] as TaskRecord);
      }
      if (bucket.head === bucket.items.length && bucket.head > 0) {
        bucket.items = [];
        bucket.head = 0;
      }
    }
    this.size -= taken.length;
    return taken;
  }

  /** Puts tasks before all others of their priority, keeping their order. */
  putBack(records: readonly TaskRecord[]): void {
    for (let i = records.length - 1; i >= 0; i--) {
      const record = records[i] as TaskRecord;
      const bucket = this.#bucket(record);
      if (bucket.head > 0) bucket.items[--bucket.head] = record;
      else bucket.items.unshift(record);
    }
    this.size += records.length;
  }

  #bucket(record: TaskRecord): { items: TaskRecord[]; head: number } {
    return this.#buckets[this.#priorityOf(record)] as { items: TaskRecord[]; head: number };
  }
}
