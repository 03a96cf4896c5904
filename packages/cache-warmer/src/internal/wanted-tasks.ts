import { ReadyQueue } from "./ready-queue.ts";
import type { TaskRecord } from "./task-record.ts";

/** How many tasks are asked about beyond those wanted, where the fleet has them. */
const AHEAD_MIN = 16;
const AHEAD_MAX = 256;
const POLL_MIN_MS = 25;
export const POLL_MAX_MS = 250;

/** What a run wants of the ledger: tasks that may begin, and those that others have for now. */
export class WantedTasks {
  readonly #ready: ReadyQueue;
  /** Held by others, to be asked about again. */
  #elsewhere: TaskRecord[] = [];
  #ahead = 0;
  #pollMs = POLL_MIN_MS;

  constructor(priorityOf: (record: TaskRecord) => number) {
    this.#ready = new ReadyQueue(priorityOf);
  }

  /** It may begin. */
  push(record: TaskRecord): void {
    this.#ready.push(record);
  }

  /** They may begin after all, before the others of their priority. */
  putBack(records: readonly TaskRecord[]): void {
    this.#ready.putBack(records);
  }

  /** Others have it. */
  leave(record: TaskRecord): void {
    this.#elsewhere.push(record);
  }

  /** Those to be asked about when so many are wanted. */
  take(want: number): TaskRecord[] {
    return want === 0 ? [] : this.#ready.take(want + this.#ahead);
  }

  /** How many of those wanted were granted, and how many were free but one too many. Returns whether to ask about others at once. */
  note(want: number, granted: number, free: number): boolean {
    if (granted > 0) this.hurry();
    if (granted === want || free > 0) {
      this.#ahead = 0;
      return false;
    }
    // The fleet has all that was asked about: look further.
    this.#ahead = Math.min(AHEAD_MAX, Math.max(AHEAD_MIN, 2 * this.#ahead));
    return this.#ready.size > 0;
  }

  /** Something moves: the next look comes soon. */
  hurry(): void {
    this.#pollMs = POLL_MIN_MS;
  }

  /** How long to wait before the next look; `undefined` when there is nothing to look at. */
  get pollMs(): number | undefined {
    return this.#elsewhere.length > 0 || this.#ready.size > 0 ? this.#pollMs : undefined;
  }

  /** The next look is due, at what others have too; the one after it comes later. */
  look(): void {
    this.#pollMs = Math.min(POLL_MAX_MS, this.#pollMs * 1.5);
    if (this.#elsewhere.length === 0) return;
    this.#ahead = Math.min(AHEAD_MAX, Math.max(this.#ahead, this.#elsewhere.length));
    this.#ready.putBack(this.#elsewhere);
    this.#elsewhere = [];
  }

  clear(): void {
    this.#ready.take(Number.POSITIVE_INFINITY);
    this.#elsewhere = [];
  }
}
