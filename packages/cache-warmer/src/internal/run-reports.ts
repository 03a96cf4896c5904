import type { WarmingMetrics } from "../metrics.ts";
import type { OpenTasks } from "./open-tasks.ts";
import type { Ending, RunFigures } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import type { TaskRecord } from "./task-record.ts";

/** What a run tells: its events and its figures. */
export class RunReports {
  /** Called after each step in which tasks have ended. */
  onEnding: (() => void) | undefined;
  readonly #context: RunContext;
  readonly #plan: RunPlan;
  readonly #figures: RunFigures;

  constructor(context: RunContext, plan: RunPlan, figures: RunFigures) {
    this.#context = context;
    this.#plan = plan;
    this.#figures = figures;
  }

  began(): void {
    const { id: run, kind } = this.#plan;
    this.#context.emitter.emit("run:start", () => ({ run, kind, total: this.#figures.total }));
  }

  taskEnded(record: TaskRecord, ending: Ending): void {
    this.#figures.end(record, ending);
    const { name: key } = record;
    const { category } = record.settings;
    const { outcome, reason, error, durationMs, keys, bytes } = ending;
    this.#context.emitter.emit("task:end", () => ({
      ...{ key, category, outcome, reason, error, durationMs, keys, bytes },
    }));
  }

  /** Something else lay under the names of the ledger. */
  cleared(cleared: number): void {
    const { logger } = this.#context.internals;
    logger.warn(
      { cleared },
      "Keys of another type lay under the names of the warmer's ledger, and were removed",
    );
  }

  wentOn(open: OpenTasks): void {
    this.onEnding?.();
    const { total, done, successful, failed, skipped } = this.#figures;
    const { id: run, kind } = this.#plan;
    this.#context.emitter.emit("run:progress", () => {
      const remainingByPriority = open.remainingByPriority();
      return { run, kind, total, done, successful, failed, skipped, remainingByPriority };
    });
  }

  /** It is over: what became of it. */
  ended(): WarmingMetrics {
    const { emitter, gauge, limiter } = this.#context;
    this.#figures.complete();
    const metrics = this.#figures.metrics(gauge.inFlight, limiter?.state ?? null);
    this.onEnding?.();
    emitter.emit("run:end", () => ({ run: this.#plan.id, kind: this.#plan.kind, metrics }));
    return metrics;
  }
}
