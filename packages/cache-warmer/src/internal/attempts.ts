import { StoreUnavailableError } from "@crm/cache-core";
import { MARK, type Mark } from "../scripts/step-tasks.ts";
import { reasonOf } from "./endings.ts";
import { loadFamily } from "./load-family.ts";
import { type LoadResult, loadTask } from "./load-task.ts";
import { retryDelay } from "./retry-delay.ts";
import type { Ending, RunFigures } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import type { RunTimers } from "./run-timers.ts";
import type { TaskRecord } from "./task-record.ts";

/** What is told about the loads of a run, while it goes on. */
export interface AttemptListener {
  onEnd(record: TaskRecord, ending: Ending, mark: Mark): void;
  /** It has failed, keeps its place in the ledger, and none in flight, until `onAgain`. */
  onPause(record: TaskRecord): void;
  onAgain(record: TaskRecord): void;
}

/** The loads of a run: begins them, and tries again what has failed. */
export class Attempts {
  readonly #context: RunContext;
  readonly #plan: RunPlan;
  readonly #figures: RunFigures;
  readonly #timers: RunTimers;
  readonly #listener: AttemptListener;
  readonly #begun = new Map<TaskRecord, number>();
  readonly #aborting = new AbortController();
  inFlight = 0;

  constructor(
    context: RunContext,
    plan: RunPlan,
    figures: RunFigures,
    timers: RunTimers,
    listener: AttemptListener,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#figures = figures;
    this.#timers = timers;
    this.#listener = listener;
  }

  /** Aborts the signals of fetchers. How their loads end interests nobody any more. */
  abort(reason: unknown): void {
    this.#aborting.abort(reason);
  }

  /** Loads a task that is ours. Fresh entries made later than `newerThan` stay as they are. */
  begin(record: TaskRecord, newerThan: number): void {
    const { gauge, internals, emitter, onFresh } = this.#context;
    const { clock } = internals;
    const { name, category } = record;
    const attempt = (this.#begun.get(record) ?? 0) + 1;
    this.#begun.set(record, attempt);
    gauge.inFlight++;
    this.inFlight++;
    if (this.inFlight > this.#figures.peakInFlight) this.#figures.peakInFlight = this.inFlight;
    emitter.emit("task:start", () => ({ key: name, category, attempt }));
    const began = clock.monotonic();
    const timeoutMs = record.timeoutMs ?? this.#plan.options.timeoutMs;
    const request = {
      ...{ internals, clock, record, timeoutMs, newerThan },
      ...{ signal: this.#aborting.signal, onFresh },
    };
    const time = () => this.#context.watch?.begin(name, category);
    // A family is timed batch by batch.
    const timing = record.family === undefined ? time() : undefined;
    const work =
      record.family === undefined
        ? loadTask(request)
        : loadFamily({
            ...{ ...request, only: this.#plan.only?.get(record), onBatch: time },
            again: (nth, error) => this.#pauseBefore(record, nth, error),
          });
    void work.then(
      (result) => {
        // Where nothing was fetched there is nothing to learn from.
        timing?.(result.outcome === "found" ? "found" : "loaded");
        this.#leave();
        const durationMs = clock.monotonic() - began;
        if (!this.#aborting.signal.aborted) this.#loaded(record, result, durationMs, attempt);
      },
      (error: unknown) => {
        timing?.("failed");
        this.#leave();
        const durationMs = clock.monotonic() - began;
        if (!this.#aborting.signal.aborted) void this.#failed(record, error, durationMs, attempt);
      },
    );
  }

  #leave(): void {
    this.#context.gauge.inFlight--;
    this.inFlight--;
  }

  #loaded(record: TaskRecord, result: LoadResult, durationMs: number, attempts: number): void {
    const { outcome, keys, bytes } = result;
    if (outcome === "unavailable") {
      const error = new StoreUnavailableError({ operation: "refill", reason: "error" });
      void this.#failed(record, error, durationMs, attempts);
      return;
    }
    if (outcome === "failed") {
      const { error } = result;
      const ending = { outcome, reason: reasonOf(error), error, durationMs, keys, bytes, attempts } as const;
      this.#listener.onEnd(record, ending, MARK.failed);
      return;
    }
    const figures = { error: undefined, durationMs, keys, bytes, attempts };
    if (outcome === "stored") {
      this.#listener.onEnd(record, { ...figures, outcome: "success", reason: undefined }, MARK.stored);
      return;
    }
    const reason = outcome === "empty" ? "empty" : outcome === "refused" ? "newer" : "warm";
    const mark = outcome === "empty" ? MARK.empty : outcome === "refused" ? MARK.newer : MARK.stored;
    this.#listener.onEnd(record, { ...figures, outcome: "skipped", reason }, mark);
  }

  async #failed(record: TaskRecord, error: unknown, durationMs: number, attempts: number): Promise<void> {
    if (record.family === undefined && this.#mayRepeat(record, error, attempts)) {
      this.#listener.onPause(record);
      if (await this.#pauseBefore(record, attempts, error)) this.#listener.onAgain(record);
      return;
    }
    const ending = { outcome: "failed", reason: reasonOf(error), error, durationMs, attempts } as const;
    this.#listener.onEnd(record, { ...ending, keys: 0, bytes: 0 }, MARK.failed);
  }

  #mayRepeat(record: TaskRecord, error: unknown, attempts: number): boolean {
    const retries = record.retries ?? this.#plan.options.retries;
    return attempts <= retries && reasonOf(error) !== "unserializable";
  }

  /** Waits before the next attempt, longer each time. Resolves to whether there is to be one. */
  async #pauseBefore(record: TaskRecord, attempt: number, error: unknown): Promise<boolean> {
    if (this.#aborting.signal.aborted || !this.#mayRepeat(record, error, attempt)) return false;
    const { internals, emitter, settings } = this.#context;
    this.#figures.retry(record);
    const delayMs = retryDelay(settings.retryDelayMs, attempt, internals.random);
    const { name: key, category } = record;
    emitter.emit("task:retry", () => ({ key, category, attempt, delayMs, error }));
    return this.#timers.pause(delayMs);
  }
}
