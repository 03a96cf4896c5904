import { MARK, type Mark } from "../scripts/step-tasks.ts";
import type { Ledger } from "./ledger.ts";
import type { TaskRecord } from "./task-record.ts";

/** How a task of ours ended, for the ledger. */
export interface Ended {
  readonly record: TaskRecord;
  readonly name: string;
  readonly mark: Mark;
}

/** The tasks that are ours in the ledger, and those that have ended and of which it is not told yet. */
export class TakenTasks {
  readonly #ledger: Ledger;
  /** And whether they are in flight. */
  readonly #taken = new Map<TaskRecord, boolean>();
  #ended: Ended[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  take(record: TaskRecord): void {
    this.#taken.set(record, true);
  }

  isInFlight(record: TaskRecord): boolean {
    return this.#taken.get(record) === true;
  }

  /** It is ours still, and others may be in flight in its place. */
  pause(record: TaskRecord): void {
    this.#taken.set(record, false);
    this.#ledger.hold([{ name: record.name, counts: false }]).catch(() => {});
  }

  end(record: TaskRecord, mark: Mark): void {
    this.#taken.delete(record);
    this.#ended.push({ record, name: record.name, mark });
  }

  /** It ends without the ledger, which cannot be reached. */
  forget(record: TaskRecord): void {
    this.#taken.delete(record);
  }

  /** Keeps what is taken, while it is. */
  keep(): void {
    const tasks = [...this.#taken].map(([{ name }, counts]) => ({ name, counts }));
    if (tasks.length > 0) this.#ledger.hold(tasks).catch(() => {});
  }

  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  /** What is to be told. */
  takeEnded(): Ended[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** The ledger could not be told. */
  putBack(ended: readonly Ended[]): void {
    this.#ended = [...ended, ...this.#ended];
  }

  /** All that is to be told when nothing goes on: what has ended, and that the rest is given back. */
  leave(): { readonly name: string; readonly mark: Mark }[] {
    const released = [...this.#taken.keys()].map(({ name }) => ({ name, mark: MARK.released }));
    return [...this.takeEnded(), ...released];
  }
}
