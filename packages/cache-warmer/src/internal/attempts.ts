import { type RefillResult, StoreUnavailableError } from "@crm/cache-core";
import { MARK, type Mark } from "../scripts/step-tasks.ts";
import { Deadlines } from "./deadlines.ts";
import { isClosed, reasonOf } from "./endings.ts";
import { type FamilyRequest, loadFamily } from "./load-family.ts";
import { type LoadResult, loadTask, sinceOf, WAIT_MS } from "./load-task.ts";
import { retryDelay } from "./retry-delay.ts";
import type { Ending, RunFigures } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import type { RunTimers } from "./run-timers.ts";
import type { TaskRecord } from "./task-record.ts";

/** How a task ended whose load ended so, and what the fleet is told. */
const ENDINGS = {
  stored: ["success", undefined, MARK.stored],
  empty: ["skipped", "empty", MARK.empty],
  refused: ["skipped", "newer", MARK.newer],
  found: ["skipped", "warm", MARK.stored],
  held: ["skipped", "warm", MARK.stored],
} as const;

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
  /** How often tasks have failed in this run; absent: never. */
  readonly #failures = new Map<TaskRecord, number>();
  readonly #deadlines: Deadlines;
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
    this.#deadlines = new Deadlines(context.internals.clock);
  }

  /** Aborts the signals of fetchers. How their loads end interests nobody any more. */
  abort(reason: unknown): void {
    this.#aborting.abort(reason);
  }

  /** Nothing more is begun. */
  close(): void {
    this.#deadlines.close();
  }

  /** Loads a task that is ours. Fresh entries made later than `newerThan` stay as they are. */
  begin(record: TaskRecord, newerThan: number): void {
    const { gauge, internals, emitter, expiring, watch } = this.#context;
    const { clock } = internals;
    const { name, settings } = record;
    const { category } = settings;
    const attempt = (this.#failures.get(record) ?? 0) + 1;
    gauge.inFlight++;
    this.inFlight++;
    if (this.inFlight > this.#figures.peakInFlight) this.#figures.peakInFlight = this.inFlight;
    emitter.emit("task:start", () => ({ key: name, category, attempt }));
    const began = clock.monotonic();
    const timeoutMs = settings.timeoutMs ?? this.#plan.options.timeoutMs;
    const { signal } = this.#aborting;
    // A family is timed batch by batch.
    const timing = record.fetcher === undefined ? undefined : watch?.begin(name, category);
    const done = (result: LoadResult): void => {
      // Where nothing was fetched there is nothing to learn from.
      timing?.(result.outcome === "found" ? "found" : "loaded");
      this.#leave();
      if (!signal.aborted) this.#loaded(record, result, clock.monotonic() - began, attempt);
    };
    const fail = (error: unknown): void => {
      timing?.("failed");
      this.#leave();
      if (!signal.aborted) void this.#failed(record, error, clock.monotonic() - began, attempt);
    };
    const request = { internals, clock, record, timeoutMs, newerThan: sinceOf(newerThan, attempt), signal };
    if (record.fetcher === undefined) {
      const only = this.#plan.only?.get(record);
      const onBatch = () => watch?.begin(name, category);
      const again = (nth: number, error: unknown) => this.#pauseBefore(record, nth, error);
      const told: Pick<FamilyRequest, "onFresh" | "onList" | "onEmpty"> = {
        onFresh: (key, freshUntil) => expiring.note(record, key, freshUntil),
        onList: () => expiring.list(record),
        onEmpty: (key) => expiring.forget(key),
      };
      const pause = (ms: number): Promise<boolean> => this.#timers.pause(ms);
      void loadFamily({ ...request, ...told, only, onBatch, again, pause }).then(done, fail);
      return;
    }
    const stored = ({ outcome, bytes, freshUntil }: RefillResult): void => {
      if (freshUntil > 0) expiring.note(record, name, freshUntil);
      done({ outcome, bytes, keys: outcome === "stored" ? 1 : 0 });
    };
    this.#deadlines.follow(loadTask(request), name, timeoutMs + WAIT_MS, stored, fail);
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
    const [ended, reason, mark] = ENDINGS[outcome as keyof typeof ENDINGS];
    const ending = { outcome: ended, reason, error: undefined, durationMs, keys, bytes, attempts };
    this.#listener.onEnd(record, ending, mark);
  }

  async #failed(record: TaskRecord, error: unknown, durationMs: number, attempts: number): Promise<void> {
    if (record.fetcher !== undefined && this.#mayRepeat(record, error, attempts)) {
      this.#failures.set(record, attempts);
      this.#listener.onPause(record);
      if (await this.#pauseBefore(record, attempts, error)) this.#listener.onAgain(record);
      return;
    }
    const ending = { outcome: "failed", reason: reasonOf(error), error, durationMs, attempts } as const;
    this.#listener.onEnd(record, { ...ending, keys: 0, bytes: 0 }, MARK.failed);
  }

  #mayRepeat(record: TaskRecord, error: unknown, attempts: number): boolean {
    const retries = record.settings.retries ?? this.#plan.options.retries;
    return attempts <= retries && reasonOf(error) !== "unserializable" && !isClosed(error);
  }

  /** Waits before the next attempt, longer each time. Resolves to whether there is to be one. */
  async #pauseBefore(record: TaskRecord, attempt: number, error: unknown): Promise<boolean> {
    if (this.#aborting.signal.aborted || !this.#mayRepeat(record, error, attempt)) return false;
    const { internals, emitter, settings } = this.#context;
    this.#figures.retry(record);
    const delayMs = retryDelay(settings.retryDelayMs, attempt, internals.random);
    const { name: key } = record;
    const { category } = record.settings;
    emitter.emit("task:retry", () => ({ key, category, attempt, delayMs, error }));
    return this.#timers.pause(delayMs);
  }
}
