import type { TaskRecord } from "./task-record.ts";

/**
 * Tasks of which the expiry index is to ask when their entries expire, each once. A chain through the tasks themselves: ten thousand that are
 * registered make no list that grows.
 */
export class DoubtedTasks {
  #last: TaskRecord | null = null;
  size = 0;

  add(record: TaskRecord): void {
    if (record.doubtedAfter !== undefined) return;
    record.doubtedAfter = this.#last;
    this.#last = record;
    this.size++;
  }

  /** All, in the order in which they came. From now on they are in no doubt. */
  take(): TaskRecord[] {
    const taken: TaskRecord[] = new Array(this.size);
    let record = this.#last;
    for (let at = this.size - 1; record !== null; at--) {
      taken[at] = record;
      const before: TaskRecord | null = record.doubtedAfter ?? null;
      record.doubtedAfter = undefined;
      record = before;
    }
    this.#last = null;
    this.size = 0;
    return taken;
  }
}
