import { WarmerClosedError } from "../errors.ts";
import {
  type BackgroundOptions,
  checkObject,
  type ResolvedWarmerOptions,
  resolveBackgroundOptions,
} from "../options.ts";
import type { Run } from "./run.ts";
import type { RunContext } from "./run-plan.ts";
import type { Runs } from "./runs.ts";
import { nextDelayOf, repeat } from "./schedule.ts";
import type { TaskBook } from "./task-book.ts";
import { checkCategory } from "./task-settings.ts";

/** The schedules of one warmer, one a category, and the runs that they have begun. */
export class BackgroundWarming {
  readonly #context: RunContext;
  readonly #settings: ResolvedWarmerOptions;
  readonly #book: TaskBook;
  readonly #runs: Runs;
  /** By category; "" for all. */
  readonly #schedules = new Map<string, () => void>();
  readonly #running = new Map<string, Run>();

  constructor(context: RunContext, book: TaskBook, runs: Runs) {
    this.#context = context;
    this.#settings = context.settings;
    this.#book = book;
    this.#runs = runs;
  }

  /** @throws InvalidOptionError, InvalidScheduleError */
  start(schedule: number | BackgroundOptions): void {
    if (typeof schedule !== "number") checkObject("schedule", schedule ?? null);
    const given: BackgroundOptions = typeof schedule === "number" ? { minutes: schedule } : schedule;
    const nextDelay = nextDelayOf(given, this.#context.internals.clock);
    const options = resolveBackgroundOptions(given, this.#settings);
    const category = given.category === undefined ? undefined : checkCategory(given.category);
    const name = category ?? "";
    this.#schedules.get(name)?.();
    const work = (): void => {
      if (this.#running.has(name)) {
        this.#context.emitter.emit("background:skipped", () => ({ category }));
        return;
      }
      // What the fleet has loaded since the last time, more or less, is done.
      const maxAgeMs = given.maxAge === undefined ? 0.9 * orZero(nextDelay) : options.maxAgeMs;
      this.#begin(name, this.#runs.make("background", this.#book.sorted(category), { ...options, maxAgeMs }));
    };
    const { clock } = this.#context.internals;
    this.#schedules.set(name, repeat(clock, nextDelay, given.cron !== undefined, work));
  }

  /** Ends all schedules, and the runs that they have begun. */
  async stop(): Promise<void> {
    this.cancel();
    const under = [...this.#running.values()];
    for (const run of under) run.abort(new WarmerClosedError(), true);
    await Promise.allSettled(under.map((run) => run.result));
  }

  /** Ends all schedules. */
  cancel(): void {
    for (const stop of this.#schedules.values()) stop();
    this.#schedules.clear();
  }

  owns(run: Run): boolean {
    return [...this.#running.values()].includes(run);
  }

  #begin(name: string, run: Run): void {
    this.#running.set(name, run);
    const ended = (): void => void this.#running.delete(name);
    run.result.then(ended, (error) => {
      ended();
      this.#context.internals.logger.error({ err: error }, "A background run of the warmer failed");
    });
    run.start();
  }
}

/** A pattern may have had its last time. */
function orZero(nextDelay: () => number): number {
  try {
    return nextDelay();
  } catch {
    return 0;
  }
}
