import type { DependencyPlan } from "./dependencies.ts";
import { notTried } from "./endings.ts";
import type { Ending } from "./run-figures.ts";
import type { TaskRecord } from "./task-record.ts";

/** What is told about a task of a run. */
export interface OpenTaskListener {
  /** Everything that it waited for has ended. */
  onReady(record: TaskRecord): void;
  onEnd(record: TaskRecord, ending: Ending): void;
}

/** The tasks of a run that have not ended, and what waits for what among them. */
export class OpenTasks {
  readonly #open: Set<TaskRecord>;
  /** How many tasks of each priority are not done, and how many have failed: asked for after every step. */
  readonly #leftOf: number[] = new Array(11).fill(0);
  readonly #failedOf: number[] = new Array(11).fill(0);
  readonly #dependencies: DependencyPlan;
  readonly #listener: OpenTaskListener;

  constructor(records: readonly TaskRecord[], dependencies: DependencyPlan, listener: OpenTaskListener) {
    this.#open = new Set(records);
    this.#dependencies = dependencies;
    this.#listener = listener;
    for (const { settings } of records) (this.#leftOf[settings.priority] as number)++;
  }

  get size(): number {
    return this.#open.size;
  }

  /** A copy: tasks may be closed meanwhile. */
  all(): TaskRecord[] {
    return [...this.#open];
  }

  /** How many tasks of this priority or a higher one are not done. One that was called off is not. */
  remaining(priority: number): number {
    return sumFrom(this.#leftOf, priority);
  }

  /** How many tasks of this priority or a higher one have failed, here or elsewhere. */
  failed(priority: number): number {
    return sumFrom(this.#failedOf, priority);
  }

  /** The same by priority, highest first, without those of which none is left. */
  remainingByPriority(): Record<number, number> {
    const left: Record<number, number> = {};
    this.#leftOf.forEach((count, priority) => {
      if (count > 0) left[priority] = count;
    });
    return left;
  }

  /** Notes how a task ended, and lets go, or gives up, what waits for it. */
  close(first: TaskRecord, firstEnding: Ending): void {
    const { dependents, waitsFor } = this.#dependencies;
    if (dependents.size === 0) {
      this.#end(first, firstEnding);
      return;
    }
    const stack: [TaskRecord, Ending][] = [[first, firstEnding]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [record, ending] = top;
      if (!this.#end(record, ending) || ending.reason === "aborted") continue;
      const failed = hasFailed(ending);
      for (const dependent of dependents.get(record) ?? []) {
        if (failed) {
          const name = JSON.stringify(record.name);
          const cause = new Error(`The task ${name}, which it depends on, has failed.`);
          stack.push([dependent, { ...notTried("failed", "dependency"), error: cause }]);
          continue;
        }
        const left = (waitsFor.get(dependent) ?? 1) - 1;
        waitsFor.set(dependent, left);
        if (left === 0) this.#listener.onReady(dependent);
      }
    }
  }

  /** Returns whether it was open. */
  #end(record: TaskRecord, ending: Ending): boolean {
    if (!this.#open.delete(record)) return false;
    if (ending.reason !== "aborted") (this.#leftOf[record.settings.priority] as number)--;
    if (hasFailed(ending)) (this.#failedOf[record.settings.priority] as number)++;
    this.#listener.onEnd(record, ending);
    return true;
  }
}

function hasFailed({ outcome, reason }: Ending): boolean {
  return outcome === "failed" || reason === "failed-elsewhere";
}

function sumFrom(counts: readonly number[], priority: number): number {
  let sum = 0;
  for (let each = priority; each < counts.length; each++) sum += counts[each] as number;
  return sum;
}
