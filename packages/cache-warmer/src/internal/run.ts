import type { WarmingMetrics } from "../metrics.ts";
import { MARK, type Mark } from "../scripts/step-tasks.ts";
import { Attempts } from "./attempts.ts";
import { checkStored, type StoredElsewhere } from "./check-stored.ts";
import { planDependencies } from "./dependencies.ts";
import { isClosed, notTried } from "./endings.ts";
import type { CandidateState, Ledger, LedgerReply, StepBounds } from "./ledger.ts";
import { OpenTasks } from "./open-tasks.ts";
import { type Ending, RunFigures } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import { RunReports } from "./run-reports.ts";
import { RunTimers } from "./run-timers.ts";
import { TakenTasks } from "./taken-tasks.ts";
import { settle, type TaskRecord } from "./task-record.ts";
import { POLL_MAX_MS, WantedTasks } from "./wanted-tasks.ts";

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
  readonly #wanted: WantedTasks;
  readonly #taken: TakenTasks;
  readonly #open: OpenTasks;
  readonly #attempts: Attempts;
  readonly #timers: RunTimers;
  readonly #reports: RunReports;
  readonly #since = new Map<TaskRecord, number>();
  readonly #keepMs: number;
  /** The store's clock at the last answer. */
  #now = -1;
  #stepping = false;
  #again = false;
  #over = false;
  #failingSince: number | undefined;
  #resolve: (metrics: WarmingMetrics) => void = () => {};
  #reject: (reason: unknown) => void = () => {};

  constructor(context: RunContext, plan: RunPlan, ledger: Ledger) {
    const { clock } = context.internals;
    this.#context = context;
    this.#plan = plan;
    this.#ledger = ledger;
    this.figures = new RunFigures(plan.records, clock);
    this.#reports = new RunReports(context, plan, this.figures);
    const dependencies = planDependencies(plan.records);
    this.#wanted = new WantedTasks(dependencies.priorityOf);
    this.#taken = new TakenTasks(ledger);
    this.#open = new OpenTasks(plan.records, dependencies, {
      onReady: (record) => this.#wanted.push(record),
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
      const since = plan.sinceOf(record);
      if (since >= 0) this.#since.set(record, since);
      longest = Math.max(longest, plan.maxAgeOf(record));
      if (!dependencies.waitsFor.has(record)) this.#wanted.push(record);
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
    const { kind, options } = this.#plan;
    const { signal } = options;
    this.#reports.onEnding = onEnding;
    this.#reports.began();
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
    this.#timers.beat(this.#ledger.leaseMs / 3, () => this.#taken.keep());
    this.#kick();
  }

  /**
   * Ends the run now: begins nothing more, aborts the signals of fetchers, gives back what was taken. Rejects with the reason, or,
   * without one, resolves with what was done.
   */
  abort(reason: unknown, quietly = false): void {
    if (this.#over) return;
    this.figures.aborted = true;
    const ended = this.#taken.leave();
    for (const record of this.#open.all()) this.#open.close(record, notTried("skipped", "aborted"));
    // Fetchers may end at once: the run must be over by then.
    this.#stop();
    this.#attempts.abort(reason);
    if (ended.length > 0) this.#ledger.step(ended, [], this.#bounds(0)).catch(() => {});
    const metrics = this.#reports.ended();
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
        this.#reports.ended();
        this.#reject(error);
      }
    }
    this.#stepping = false;
  }

  async #step(): Promise<void> {
    const { gauge } = this.#context;
    const want = Math.max(0, this.#limit - gauge.inFlight);
    const batch = this.#wanted.take(want);
    const ended = this.#taken.takeEnded();
    if (batch.length === 0 && ended.length === 0) {
      this.#waitForMore();
      return;
    }
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
      this.#wanted.putBack(batch);
      this.#taken.putBack(ended);
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
    if (reply.cleared > 0) this.#reports.cleared(reply.cleared);
    // The mark that was just made is of this run: a later run is not to take it for another's.
    for (const { record } of ended) settle(record, reply.now);
    await this.#apply(batch, reply, want);
    if (this.#over) return;
    this.#reports.wentOn(this.#open);
    if (this.#open.size === 0 && !this.#taken.hasEnded) {
      this.#complete();
      return;
    }
    this.#waitForMore();
  }

  /** Does what the ledger said about each candidate. */
  async #apply(batch: readonly TaskRecord[], reply: LedgerReply, want: number): Promise<void> {
    const free: TaskRecord[] = [];
    const stored: StoredElsewhere[] = [];
    let granted = 0;
    batch.forEach((record, nth) => {
      const state = reply.states[nth] as CandidateState;
      if (state.kind === "granted") {
        granted++;
        this.#take(record, this.#plan.newerThanOf(record, state.began, reply.now));
      } else if (state.kind === "held") this.#wanted.leave(record);
      else if (state.kind === "free") free.push(record);
      else if (state.mark === MARK.stored && record.fetcher !== undefined)
        stored.push({ record, at: state.at });
      else this.#endElsewhere(record, state.mark);
    });
    if (free.length > 0) this.#wanted.putBack(free);
    if (this.#wanted.note(want, granted, free.length)) this.#again = true;
    if (stored.length > 0) this.#wanted.hurry();
    if (stored.length > 0) await this.#checkStored(stored);
  }

  async #checkStored(stored: readonly StoredElsewhere[]): Promise<void> {
    const { internals, expiring } = this.#context;
    const { there, gone } = await checkStored(internals, () => this.#ledger.now, stored);
    if (this.#over) return;
    for (const { record, freshUntil } of there) {
      if (freshUntil !== undefined) expiring.note(record, record.name, freshUntil);
      this.#endElsewhere(record, MARK.stored);
    }
    for (const { record, at } of gone) this.#since.set(record, at);
    if (gone.length > 0) this.#putBack(gone.map(({ record }) => record));
  }

  #take(record: TaskRecord, newerThan: number): void {
    this.#taken.take(record);
    this.#attempts.begin(record, newerThan);
  }

  #putBack(records: readonly TaskRecord[]): void {
    if (this.#over) return;
    this.#wanted.putBack(records);
    this.#kick();
  }

  #pause(record: TaskRecord): void {
    if (this.#over) return;
    this.#taken.pause(record);
    this.#kick();
  }

  /** A task of ours has ended. */
  #end(record: TaskRecord, ending: Ending, mark: Mark): void {
    if (this.#over) return;
    this.#taken.end(record, mark);
    this.#open.close(record, ending);
    this.#kick();
  }

  #endElsewhere(record: TaskRecord, mark: Mark): void {
    this.#open.close(record, notTried("skipped", mark === MARK.failed ? "failed-elsewhere" : "fleet"));
    if (this.#open.size === 0) this.#again = true;
  }

  #note(record: TaskRecord, ending: Ending): void {
    settle(record, this.#now);
    this.#reports.taskEnded(record, ending);
  }

  #storeFailed(error: unknown): void {
    const now = this.#context.internals.clock.monotonic();
    this.#failingSince ??= now;
    if (!isClosed(error) && now - this.#failingSince < this.#context.settings.storePatienceMs) {
      this.#poll(POLL_MAX_MS);
      return;
    }
    // Loads that are under way end by themselves, and are noted when they do.
    const failed: Ending = { ...notTried("failed", "store"), error };
    for (const record of this.#open.all()) {
      if (this.#taken.isInFlight(record)) continue;
      this.#taken.forget(record);
      this.#open.close(record, failed);
    }
    this.#wanted.clear();
    if (this.#attempts.inFlight > 0) {
      this.#taken.takeEnded();
      return;
    }
    for (const record of this.#open.all()) this.#open.close(record, failed);
    this.#reports.wentOn(this.#open);
    this.#complete();
  }

  /** Others hold what is left, or the fleet is at its limit: look again soon. */
  #waitForMore(): void {
    if (this.#again) return;
    const { pollMs } = this.#wanted;
    if (pollMs !== undefined) this.#poll(pollMs);
  }

  #poll(ms: number): void {
    this.#timers.poll(ms * (0.75 + this.#context.internals.random() / 2), () => {
      this.#wanted.look();
      this.#kick();
    });
  }

  #stop(): void {
    this.#over = true;
    this.#timers.stop();
    this.#attempts.close();
  }

  /** Everything has ended. */
  #complete(): void {
    this.#stop();
    this.#resolve(this.#reports.ended());
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
