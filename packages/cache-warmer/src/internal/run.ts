import { StoreUnavailableError } from "@crm/cache-core";
import type { WarmingMetrics } from "../metrics.ts";
import type { ResolvedWarmerOptions } from "../options.ts";
import { MARK, type Mark } from "../scripts/step-tasks.ts";
import { type DependencyPlan, planDependencies } from "./dependencies.ts";
import { notTried, reasonOf } from "./endings.ts";
import type { CandidateState, Ledger, LedgerReply, StepBounds } from "./ledger.ts";
import { type LoadResult, loadFamily, loadTask } from "./load-task.ts";
import { ReadyQueue } from "./ready-queue.ts";
import { type Ending, RunFigures } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import type { TaskRecord } from "./task-record.ts";

/** How many tasks are asked about beyond those wanted, where the fleet has them. */
const AHEAD_MIN = 16;
const AHEAD_MAX = 256;
const POLL_MIN_MS = 25;
const POLL_MAX_MS = 250;
const RETRY_MAX_MS = 30_000;
/** Marks older than this are cleared away, whatever was asked for. */
const KEEP_MAX_MS = 86_400_000;
const KEEP_MIN_MS = 60_000;

/**
 * One run: takes tasks from the ledger in their order, a few at a time, loads them, and notes how they ended, until all have, here or
 * elsewhere. Everything happens in steps; a step is one call of the ledger.
 */
export class Run {
  readonly result: Promise<WarmingMetrics>;
  readonly figures: RunFigures;
  readonly #context: RunContext;
  readonly #plan: RunPlan;
  readonly #ledger: Ledger;
  readonly #dependencies: DependencyPlan;
  readonly #ready: ReadyQueue;
  readonly #since = new Map<TaskRecord, number>();
  /** Held by others, to be asked about again. */
  #elsewhere: TaskRecord[] = [];
  /** Ours in the ledger, and whether they are in flight. */
  readonly #taken = new Map<TaskRecord, boolean>();
  readonly #attempts = new Map<TaskRecord, number>();
  readonly #open: Set<TaskRecord>;
  /** How many of them there are, by priority: asked for after every step. */
  readonly #openOf: number[] = new Array(11).fill(0);
  readonly #aborting = new AbortController();
  readonly #keepMs: number;
  #ended: { record: TaskRecord; name: string; mark: Mark }[] = [];
  /** The store's clock at the last answer. */
  #now = -1;
  #inFlight = 0;
  #ahead = 0;
  #stepping = false;
  #again = false;
  #over = false;
  #pollMs = POLL_MIN_MS;
  #cancelPoll: (() => void) | undefined;
  #cancelBeat: (() => void) | undefined;
  readonly #cancelRetries = new Set<() => void>();
  #failingSince: number | undefined;
  #resolve: (metrics: WarmingMetrics) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #onEnding: (() => void) | undefined;

  constructor(context: RunContext, plan: RunPlan, ledger: Ledger) {
    this.#context = context;
    this.#plan = plan;
    this.#ledger = ledger;
    this.figures = new RunFigures(plan.records, context.internals.clock);
    this.#dependencies = planDependencies(plan.records);
    this.#ready = new ReadyQueue(this.#dependencies.priorityOf);
    this.#open = new Set(plan.records);
    let longest = KEEP_MIN_MS;
    for (const record of plan.records) {
      (this.#openOf[record.priority] as number)++;
      this.#since.set(record, plan.sinceOf(record));
      longest = Math.max(longest, plan.maxAgeOf(record));
      if (!this.#dependencies.waitsFor.has(record)) this.#ready.push(record);
    }
    this.#keepMs = Math.min(KEEP_MAX_MS, Math.ceil(longest));
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get maxParallel(): number {
    return this.#plan.options.maxParallel;
  }

  /** How many tasks of this priority or a higher one have not ended. */
  remaining(priority: number): number {
    let count = 0;
    for (let each = priority; each <= 10; each++) count += this.#openOf[each] as number;
    return count;
  }

  /** `onEnding` is called after each step in which tasks have ended. */
  start(onEnding?: () => void): void {
    const { emitter } = this.#context;
    const { id, kind, options } = this.#plan;
    this.#onEnding = onEnding;
    emitter.emit("run:start", () => ({ run: id, kind, total: this.figures.total }));
    const { signal } = options;
    if (signal?.aborted) {
      this.abort(signal.reason);
      return;
    }
    if (signal !== undefined) {
      const onAbort = (): void => this.abort(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const forget = (): void => signal.removeEventListener("abort", onAbort);
      this.result.then(forget, forget);
    }
    if (this.#open.size === 0) {
      this.#stop();
      this.#resolve(this.#finish());
      return;
    }
    this.#beat();
    this.#kick();
  }

  /**
   * Ends the run now: begins nothing more, aborts the signals of fetchers, gives back what was taken. Rejects with the reason, or,
   * without one, resolves with what was done.
   */
  abort(reason: unknown, quietly = false): void {
    if (this.#over) return;
    this.figures.aborted = true;
    const released = [...this.#taken.keys()].map(({ name }) => ({ name, mark: MARK.released }));
    const ended = [...this.#ended, ...released];
    for (const record of [...this.#open]) this.#close(record, notTried("skipped", "aborted"));
    // Fetchers may end at once: the run must be over by then.
    this.#stop();
    this.#aborting.abort(reason);
    if (ended.length > 0) this.#ledger.step(ended, [], this.#bounds(0)).catch(() => {});
    const metrics = this.#finish();
    if (quietly) this.#resolve(metrics);
    else this.#reject(reason);
  }

  /** Something has changed: take a step, now or after the one that is under way. */
  #kick(): void {
    this.#again = true;
    if (this.#stepping || this.#over) return;
    this.#stepping = true;
    void this.#walk();
  }

  async #walk(): Promise<void> {
    // One turn later, so that loads which end together are noted together.
    await null;
    while (this.#again && !this.#over) {
      this.#again = false;
      try {
        await this.#step();
      } catch (error) {
        // A fault of the warmer itself must not leave a caller waiting for ever.
        this.#stop();
        this.#finish();
        this.#reject(error);
      }
    }
    this.#stepping = false;
  }

  async #step(): Promise<void> {
    const { gauge } = this.#context;
    const want = Math.max(0, this.#limit - gauge.inFlight);
    const batch = want === 0 ? [] : this.#ready.take(want + this.#ahead);
    const ended = this.#ended;
    if (batch.length === 0 && ended.length === 0) {
      this.#waitForMore();
      return;
    }
    this.#ended = [];
    const candidates = batch.map((record) => ({
      name: record.name,
      maxAgeMs: this.#plan.maxAgeOf(record),
      since: this.#since.get(record) ?? -1,
    }));
    let reply: LedgerReply;
    try {
      reply = await this.#ledger.step(ended, candidates, this.#bounds(want));
    } catch (error) {
      if (this.#over) return;
      if (this.#open.size === 0) {
        // Only the marks are missing. They save work, and are not worth waiting for.
        this.#stop();
        this.#resolve(this.#finish());
        return;
      }
      this.#ready.putBack(batch);
      this.#ended = [...ended, ...this.#ended];
      this.#storeFailed(error);
      return;
    }
    if (this.#over) {
      // Aborted meanwhile: what was granted is given back.
      const granted = batch.filter((_, at) => reply.states[at]?.kind === "granted");
      const back = granted.map(({ name }) => ({ name, mark: MARK.released }));
      if (back.length > 0) this.#ledger.step(back, [], this.#bounds(0)).catch(() => {});
      return;
    }
    this.#failingSince = undefined;
    this.#now = reply.now;
    // The mark that was just made is of this run: a later run is not to take it for another's.
    for (const { record } of ended) record.settledAt = Math.max(record.settledAt, reply.now);
    await this.#apply(batch, reply, want);
    if (this.#over) return;
    this.#tell();
    if (this.#open.size === 0 && this.#ended.length === 0) {
      this.#stop();
      this.#resolve(this.#finish());
      return;
    }
    this.#waitForMore();
  }

  /** Does what the ledger said about each candidate. */
  async #apply(batch: readonly TaskRecord[], reply: LedgerReply, want: number): Promise<void> {
    const free: TaskRecord[] = [];
    const stored: { readonly record: TaskRecord; readonly at: number }[] = [];
    let granted = 0;
    batch.forEach((record, nth) => {
      const state = reply.states[nth] as CandidateState;
      if (state.kind === "granted") {
        granted++;
        this.#begin(record, this.#plan.newerThanOf(record, state.began, reply.now));
      } else if (state.kind === "held") this.#elsewhere.push(record);
      else if (state.kind === "free") free.push(record);
      else if (state.mark === MARK.stored && record.family === undefined)
        stored.push({ record, at: state.at });
      else this.#endElsewhere(record, state.mark);
    });
    if (free.length > 0) this.#ready.putBack(free);
    if (granted === want || free.length > 0) this.#ahead = 0;
    else {
      // The fleet has all that was asked about: look further.
      this.#ahead = Math.min(AHEAD_MAX, Math.max(AHEAD_MIN, 2 * this.#ahead));
      if (this.#ready.size > 0) this.#again = true;
    }
    if (granted > 0 || stored.length > 0) this.#pollMs = POLL_MIN_MS;
    if (stored.length > 0) await this.#checkStored(stored);
  }

  /** What another instance has stored may be gone again: then it is this one's to load. */
  async #checkStored(stored: readonly { readonly record: TaskRecord; readonly at: number }[]): Promise<void> {
    const names = stored.map(({ record }) => record.name);
    const times = await this.#context.internals.times(names).catch(() => undefined);
    if (this.#over) return;
    const gone: TaskRecord[] = [];
    stored.forEach(({ record, at }, nth) => {
      const entry = times?.[nth];
      if (times !== undefined && (entry == null || entry.freshUntil <= this.#ledger.now)) {
        this.#since.set(record, at);
        gone.push(record);
        return;
      }
      if (entry != null) this.#context.onFresh(record, record.name, entry.freshUntil);
      this.#endElsewhere(record, MARK.stored);
    });
    if (gone.length > 0) {
      this.#ready.putBack(gone);
      this.#again = true;
    }
  }

  #begin(record: TaskRecord, newerThan: number): void {
    const { gauge, internals, emitter, limiter, settings } = this.#context;
    const { clock } = internals;
    const attempt = (this.#attempts.get(record) ?? 0) + 1;
    this.#attempts.set(record, attempt);
    this.#taken.set(record, true);
    gauge.inFlight++;
    this.#inFlight++;
    if (this.#inFlight > this.figures.peakInFlight) this.figures.peakInFlight = this.#inFlight;
    const { name, category } = record;
    emitter.emit("task:start", () => ({ key: name, category, attempt }));
    const began = clock.monotonic();
    const timeoutMs = record.timeoutMs ?? this.#plan.options.timeoutMs;
    const report = (durationMs: number): void => {
      if (limiter?.report(name, category, durationMs, gauge.inFlight, clock.monotonic())) {
        emitter.emit("limiter:window", () => limiter.state);
      }
    };
    const request = {
      ...{ internals, clock, record, timeoutMs, newerThan },
      ...{ signal: this.#aborting.signal, onFresh: this.#context.onFresh },
    };
    const work =
      record.family === undefined
        ? loadTask(request)
        : loadFamily({
            ...{ ...request, only: this.#plan.only?.get(record), onBatch: report },
            again: (nth, error) => this.#againSoon(record, nth, error),
          });
    void work.then(
      (result) => {
        const durationMs = clock.monotonic() - began;
        if (record.family === undefined && result.outcome !== "found") report(durationMs);
        this.#leave();
        if (!this.#over) this.#loaded(record, result, durationMs, attempt);
      },
      (error: unknown) => {
        const durationMs = clock.monotonic() - began;
        if (record.family === undefined) report(durationMs);
        this.#leave();
        if (!this.#over) this.#failed(record, error, durationMs, attempt, settings);
      },
    );
  }

  #leave(): void {
    this.#context.gauge.inFlight--;
    this.#inFlight--;
  }

  #loaded(
    record: TaskRecord,
    { outcome, keys, bytes }: LoadResult,
    durationMs: number,
    attempt: number,
  ): void {
    if (outcome === "unavailable") {
      const error = new StoreUnavailableError({ operation: "refill", reason: "error" });
      this.#failed(record, error, durationMs, attempt, this.#context.settings);
      return;
    }
    const figures = { error: undefined, durationMs, keys, bytes, attempts: attempt };
    if (outcome === "stored") {
      this.#end(record, { ...figures, outcome: "success", reason: undefined }, MARK.stored);
      return;
    }
    const reason = outcome === "empty" ? "empty" : outcome === "refused" ? "newer" : "warm";
    const mark = outcome === "empty" ? MARK.empty : outcome === "refused" ? MARK.newer : MARK.stored;
    this.#end(record, { ...figures, outcome: "skipped", reason }, mark);
  }

  #failed(
    record: TaskRecord,
    error: unknown,
    durationMs: number,
    attempt: number,
    settings: ResolvedWarmerOptions,
  ): void {
    const reason = reasonOf(error);
    const retries = record.retries ?? this.#plan.options.retries;
    if (attempt <= retries && reason !== "unserializable" && record.family === undefined) {
      this.#taken.set(record, false);
      this.#ledger.hold([{ name: record.name, counts: false }]).catch(() => {});
      const delayMs = this.#noteRetry(record, attempt, error, settings);
      this.#after(delayMs, () => {
        this.#ready.putBack([record]);
        this.#kick();
      });
      this.#kick();
      return;
    }
    const ending = { outcome: "failed", reason, error, durationMs, keys: 0, bytes: 0 } as const;
    this.#end(record, { ...ending, attempts: attempt }, MARK.failed);
  }

  /** For a batch of a family, whose place in flight is kept meanwhile. */
  async #againSoon(record: TaskRecord, attempt: number, error: unknown): Promise<boolean> {
    const retries = record.retries ?? this.#plan.options.retries;
    if (attempt > retries || this.#over || reasonOf(error) === "unserializable") return false;
    const delayMs = this.#noteRetry(record, attempt, error, this.#context.settings);
    await new Promise<void>((resolve) => this.#after(delayMs, resolve, resolve));
    return !this.#over;
  }

  #noteRetry(record: TaskRecord, attempt: number, error: unknown, settings: ResolvedWarmerOptions): number {
    const { internals, emitter } = this.#context;
    this.figures.retry(record);
    const whole = Math.min(RETRY_MAX_MS, settings.retryDelayMs * 2 ** (attempt - 1));
    const delayMs = whole * (0.5 + internals.random() / 2);
    const { name: key, category } = record;
    emitter.emit("task:retry", () => ({ key, category, attempt, delayMs, error }));
    return delayMs;
  }

  #endElsewhere(record: TaskRecord, mark: Mark): void {
    this.#close(record, notTried("skipped", mark === MARK.failed ? "failed-elsewhere" : "fleet"));
  }

  /** A task of ours has ended. */
  #end(record: TaskRecord, ending: Ending, mark: Mark): void {
    this.#taken.delete(record);
    this.#ended.push({ record, name: record.name, mark });
    this.#close(record, ending);
    this.#kick();
  }

  /** Notes how a task ended, and lets go, or gives up, what waits for it. */
  #close(first: TaskRecord, firstEnding: Ending): void {
    const stack: [TaskRecord, Ending][] = [[first, firstEnding]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [record, ending] = top;
      if (!this.#open.delete(record)) continue;
      (this.#openOf[record.priority] as number)--;
      record.settledAt = Math.max(record.settledAt, this.#now);
      this.figures.end(record, ending);
      const { name: key, category } = record;
      const { outcome, reason, error, durationMs, keys, bytes } = ending;
      this.#context.emitter.emit("task:end", () => ({
        ...{ key, category, outcome, reason, error, durationMs, keys, bytes },
      }));
      const failed = outcome === "failed" || reason === "failed-elsewhere";
      for (const dependent of this.#dependencies.dependents.get(record) ?? []) {
        if (reason === "aborted") continue;
        if (failed) {
          const cause = new Error(`The task ${JSON.stringify(key)}, which it depends on, has failed.`);
          stack.push([dependent, { ...notTried("failed", "dependency"), error: cause }]);
          continue;
        }
        const left = (this.#dependencies.waitsFor.get(dependent) ?? 1) - 1;
        this.#dependencies.waitsFor.set(dependent, left);
        if (left === 0) this.#ready.push(dependent);
      }
    }
    if (this.#open.size === 0) this.#again = true;
  }

  #storeFailed(error: unknown): void {
    const now = this.#context.internals.clock.monotonic();
    this.#failingSince ??= now;
    if (now - this.#failingSince < this.#context.settings.storePatienceMs) {
      this.#poll(POLL_MAX_MS);
      return;
    }
    // Loads that are under way end by themselves, and are noted when they do.
    const waiting = [...this.#open].filter((record) => this.#taken.get(record) !== true);
    for (const record of waiting) {
      this.#taken.delete(record);
      this.#close(record, { ...notTried("failed", "store"), error });
    }
    this.#ready.take(Number.POSITIVE_INFINITY);
    this.#elsewhere = [];
    if (this.#inFlight > 0) {
      this.#ended = [];
      return;
    }
    for (const record of [...this.#open]) this.#close(record, { ...notTried("failed", "store"), error });
    this.#tell();
    this.#stop();
    this.#resolve(this.#finish());
  }

  /** Others hold what is left, or the fleet is at its limit: look again soon. */
  #waitForMore(): void {
    if (this.#again) return;
    if (this.#elsewhere.length > 0 || this.#ready.size > 0) this.#poll(this.#pollMs);
  }

  #poll(ms: number): void {
    if (this.#cancelPoll !== undefined) return;
    const { clock, random } = this.#context.internals;
    this.#cancelPoll = clock.after(ms * (0.75 + random() / 2), () => {
      this.#cancelPoll = undefined;
      this.#pollMs = Math.min(POLL_MAX_MS, this.#pollMs * 1.5);
      if (this.#elsewhere.length > 0) {
        this.#ahead = Math.min(AHEAD_MAX, Math.max(this.#ahead, this.#elsewhere.length));
        this.#ready.putBack(this.#elsewhere);
        this.#elsewhere = [];
      }
      this.#kick();
    });
  }

  /** Keeps what is taken, while it is. */
  #beat(): void {
    this.#cancelBeat = this.#context.internals.clock.after(this.#ledger.leaseMs / 3, () => {
      if (this.#over) return;
      const tasks = [...this.#taken].map(([{ name }, counts]) => ({ name, counts }));
      if (tasks.length > 0) this.#ledger.hold(tasks).catch(() => {});
      this.#beat();
    });
  }

  #after(ms: number, work: () => void, onCancel?: () => void): void {
    const { clock } = this.#context.internals;
    const forget = (): void => {
      cancel();
      onCancel?.();
    };
    const cancel = clock.after(ms, () => {
      this.#cancelRetries.delete(forget);
      if (!this.#over || onCancel !== undefined) work();
    });
    this.#cancelRetries.add(forget);
  }

  #tell(): void {
    this.#onEnding?.();
    const { figures } = this;
    const { id: run, kind } = this.#plan;
    this.#context.emitter.emit("run:progress", () => {
      const remainingByPriority: Record<number, number> = {};
      for (let priority = 10; priority > 0; priority--) {
        const left = this.#openOf[priority] as number;
        if (left > 0) remainingByPriority[priority] = left;
      }
      const { total, done, successful, failed, skipped } = figures;
      return { run, kind, total, done, successful, failed, skipped, remainingByPriority };
    });
  }

  #stop(): void {
    this.#over = true;
    this.#cancelPoll?.();
    this.#cancelBeat?.();
    for (const cancel of [...this.#cancelRetries]) cancel();
    this.#cancelRetries.clear();
  }

  #finish(): WarmingMetrics {
    const { emitter, gauge, limiter } = this.#context;
    this.figures.complete();
    const metrics = this.figures.metrics(gauge.inFlight, limiter?.state ?? null);
    this.#onEnding?.();
    emitter.emit("run:end", () => ({ run: this.#plan.id, kind: this.#plan.kind, metrics }));
    return metrics;
  }

  #bounds(want: number): StepBounds {
    const leaving = this.#over || this.#open.size === 0;
    return { want, most: this.#plan.options.maxParallel, keepMs: this.#keepMs, leaving };
  }

  get #limit(): number {
    const { limiter } = this.#context;
    const { maxParallel } = this.#plan.options;
    return limiter === null ? maxParallel : Math.min(maxParallel, limiter.limit);
  }
}
