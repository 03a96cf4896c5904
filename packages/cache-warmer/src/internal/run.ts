import type { WarmingMetrics } from "../metrics.ts";
import { MARK, type Mark } from "../scripts/step-tasks.ts";
import { Attempts } from "./attempts.ts";
import { planDependencies } from "./dependencies.ts";
import { notTried } from "./endings.ts";
import type { CandidateState, Ledger, LedgerReply, StepBounds } from "./ledger.ts";
import { OpenTasks } from "./open-tasks.ts";
import { ReadyQueue } from "./ready-queue.ts";
import { type Ending, RunFigures } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import { RunTimers } from "./run-timers.ts";
import type { TaskRecord } from "./task-record.ts";

/** How many tasks are asked about beyond those wanted, where the fleet has them. */
const AHEAD_MIN = 16;
const AHEAD_MAX = 256;
const POLL_MIN_MS = 25;
const POLL_MAX_MS = 250;
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
  readonly #ready: ReadyQueue;
  readonly #open: OpenTasks;
  readonly #attempts: Attempts;
  readonly #timers: RunTimers;
  readonly #since = new Map<TaskRecord, number>();
  /** Held by others, to be asked about again. */
  #elsewhere: TaskRecord[] = [];
  /** Ours in the ledger, and whether they are in flight. */
  readonly #taken = new Map<TaskRecord, boolean>();
  readonly #keepMs: number;
  #ended: { record: TaskRecord; name: string; mark: Mark }[] = [];
  /** The store's clock at the last answer. */
  #now = -1;
  #ahead = 0;
  #stepping = false;
  #again = false;
  #over = false;
  #pollMs = POLL_MIN_MS;
  #failingSince: number | undefined;
  #resolve: (metrics: WarmingMetrics) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #onEnding: (() => void) | undefined;

  constructor(context: RunContext, plan: RunPlan, ledger: Ledger) {
    const { clock } = context.internals;
    this.#context = context;
    this.#plan = plan;
    this.#ledger = ledger;
    this.figures = new RunFigures(plan.records, clock);
    const dependencies = planDependencies(plan.records);
    this.#ready = new ReadyQueue(dependencies.priorityOf);
    this.#open = new OpenTasks(plan.records, dependencies, {
      onReady: (record) => this.#ready.push(record),
      onEnd: (record, ending) => this.#note(record, ending),
    });
    this.#timers = new RunTimers(clock);
    this.#attempts = new Attempts(context, plan, this.figures, this.#timers, {
      onEnd: (record, ending, mark) => this.#end(record, ending, mark),
      onPause: (record) => this.#pause(record),
      onAgain: (record) => this.#putBack([record]),
    });
    let longest = KEEP_MIN_MS;
    for (const record of plan.records) {
      this.#since.set(record, plan.sinceOf(record));
      longest = Math.max(longest, plan.maxAgeOf(record));
      if (!dependencies.waitsFor.has(record)) this.#ready.push(record);
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

  /** How many tasks of this priority or a higher one are not done. Those of a run that was aborted stay undone. */
  remaining(priority: number): number {
    return this.#open.remaining(priority);
  }

  /** How many tasks of this priority or a higher one have failed. */
  failed(priority: number): number {
    return this.#open.failed(priority);
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
      this.#complete();
      return;
    }
    // Somebody waits for its end, and what it waits for itself may be a timer.
    if (kind !== "background") this.#timers.holdProcess();
    this.#timers.beat(this.#ledger.leaseMs / 3, () => this.#keepTaken());
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
    for (const record of this.#open.all()) this.#open.close(record, notTried("skipped", "aborted"));
    // Fetchers may end at once: the run must be over by then.
    this.#stop();
    this.#attempts.abort(reason);
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
    while (this.#again && !this.#over) {
      // One turn of the event loop later, so that loads which end together are noted together, and that neither a store in the
      // process nor fetchers which answer at once keep everything else waiting.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#over) break;
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
        this.#complete();
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
      this.#complete();
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
        this.#take(record, this.#plan.newerThanOf(record, state.began, reply.now));
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
    if (gone.length > 0) this.#putBack(gone);
  }

  #take(record: TaskRecord, newerThan: number): void {
    this.#taken.set(record, true);
    this.#attempts.begin(record, newerThan);
  }

  #putBack(records: readonly TaskRecord[]): void {
    if (this.#over) return;
    this.#ready.putBack(records);
    this.#kick();
  }

  /** It is ours still, and others may be in flight in its place. */
  #pause(record: TaskRecord): void {
    if (this.#over) return;
    this.#taken.set(record, false);
    this.#ledger.hold([{ name: record.name, counts: false }]).catch(() => {});
    this.#kick();
  }

  /** A task of ours has ended. */
  #end(record: TaskRecord, ending: Ending, mark: Mark): void {
    if (this.#over) return;
    this.#taken.delete(record);
    this.#ended.push({ record, name: record.name, mark });
    this.#open.close(record, ending);
    this.#kick();
  }

  #endElsewhere(record: TaskRecord, mark: Mark): void {
    this.#open.close(record, notTried("skipped", mark === MARK.failed ? "failed-elsewhere" : "fleet"));
    if (this.#open.size === 0) this.#again = true;
  }

  #note(record: TaskRecord, ending: Ending): void {
    record.settledAt = Math.max(record.settledAt, this.#now);
    this.figures.end(record, ending);
    const { name: key, category } = record;
    const { outcome, reason, error, durationMs, keys, bytes } = ending;
    this.#context.emitter.emit("task:end", () => ({
      ...{ key, category, outcome, reason, error, durationMs, keys, bytes },
    }));
  }

  #storeFailed(error: unknown): void {
    const now = this.#context.internals.clock.monotonic();
    this.#failingSince ??= now;
    if (now - this.#failingSince < this.#context.settings.storePatienceMs) {
      this.#poll(POLL_MAX_MS);
      return;
    }
    // Loads that are under way end by themselves, and are noted when they do.
    const failed: Ending = { ...notTried("failed", "store"), error };
    for (const record of this.#open.all()) {
      if (this.#taken.get(record) === true) continue;
      this.#taken.delete(record);
      this.#open.close(record, failed);
    }
    this.#ready.take(Number.POSITIVE_INFINITY);
    this.#elsewhere = [];
    if (this.#attempts.inFlight > 0) {
      this.#ended = [];
      return;
    }
    for (const record of this.#open.all()) this.#open.close(record, failed);
    this.#tell();
    this.#complete();
  }

  /** Others hold what is left, or the fleet is at its limit: look again soon. */
  #waitForMore(): void {
    if (this.#again) return;
    if (this.#elsewhere.length > 0 || this.#ready.size > 0) this.#poll(this.#pollMs);
  }

  #poll(ms: number): void {
    this.#timers.poll(ms * (0.75 + this.#context.internals.random() / 2), () => {
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
  #keepTaken(): void {
    const tasks = [...this.#taken].map(([{ name }, counts]) => ({ name, counts }));
    if (tasks.length > 0) this.#ledger.hold(tasks).catch(() => {});
  }

  #tell(): void {
    this.#onEnding?.();
    const { total, done, successful, failed, skipped } = this.figures;
    const { id: run, kind } = this.#plan;
    this.#context.emitter.emit("run:progress", () => {
      const remainingByPriority = this.#open.remainingByPriority();
      return { run, kind, total, done, successful, failed, skipped, remainingByPriority };
    });
  }

  #stop(): void {
    this.#over = true;
    this.#timers.stop();
  }

  /** Everything has ended. */
  #complete(): void {
    this.#stop();
    this.#resolve(this.#finish());
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
