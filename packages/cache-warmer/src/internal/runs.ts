import { randomBytes } from "node:crypto";
import type { Cache } from "@crm/cache-core";
import { WarmerClosedError } from "../errors.ts";
import type { RunKind } from "../events.ts";
import type { WarmingMetrics, WarmingTotals } from "../metrics.ts";
import type { ResolvedWarmOptions } from "../options.ts";
import { Ledger } from "./ledger.ts";
import { Run } from "./run.ts";
import { noMetrics } from "./run-figures.ts";
import type { RunContext, RunPlan } from "./run-plan.ts";
import { settledAtOf, type TaskRecord } from "./task-record.ts";

/** What differs between kinds of runs. */
export type RunRules = Partial<Pick<RunPlan, "maxAgeOf" | "sinceOf" | "newerThanOf" | "only">>;

/** The runs of one warmer, and what all of them have done. */
export class Runs {
  readonly #cache: Cache;
  readonly #context: RunContext;
  /** Names this warmer in the ledger: a cache may have several, which are as strange to each other as processes. */
  readonly #token = randomBytes(9).toString("base64url");
  readonly #running = new Set<Run>();
  readonly #totals = { successful: 0, failed: 0, skipped: 0, retries: 0, keys: 0, bytes: 0 };
  #count = 0;
  #latest: Run | undefined;

  constructor(cache: Cache, context: RunContext) {
    this.#cache = cache;
    this.#context = context;
  }

  /** Makes a run, which still has to be started. */
  make(
    kind: RunKind,
    records: readonly TaskRecord[],
    options: ResolvedWarmOptions,
    rules: RunRules = {},
  ): Run {
    const { settings } = this.#context;
    const id = ++this.#count;
    const plan: RunPlan = {
      ...{ id, kind, records, options },
      maxAgeOf: rules.maxAgeOf ?? (() => options.maxAgeMs),
      sinceOf: rules.sinceOf ?? settledAtOf,
      newerThanOf: rules.newerThanOf ?? ((_, began) => began),
      only: rules.only,
    };
    const ledger = new Ledger(this.#cache, `${this.#token}.${id}`, settings.leaseMs);
    const run = new Run(this.#context, plan, ledger);
    this.#running.add(run);
    this.#latest = run;
    this.fitLimiter(0);
    const ended = (): void => this.#ended(run, kind);
    run.result.then(ended, ended);
    return run;
  }

  /** Makes and starts a run. */
  start(
    kind: RunKind,
    records: readonly TaskRecord[],
    options: ResolvedWarmOptions,
    rules?: RunRules,
  ): Promise<WarmingMetrics> {
    const run = this.make(kind, records, options, rules);
    run.start();
    return run.result;
  }

  /** The limiter may allow as many loads as the run that may have most, or somebody else who loads. */
  fitLimiter(maxParallel: number): void {
    const most = [...this.#running].map((run) => run.maxParallel);
    this.#context.limiter?.fit(Math.max(maxParallel, ...most));
  }

  /** Of the run under way, or the last one. */
  metrics(): WarmingMetrics {
    const { gauge, limiter } = this.#context;
    const state = limiter?.state ?? null;
    return this.#latest?.figures.metrics(gauge.inFlight, state) ?? noMetrics(gauge.inFlight, state);
  }

  totals(): Omit<WarmingTotals, "hotRefreshes" | "hotFound" | "hotFailures"> {
    const { successful, failed, skipped, retries, keys, bytes } = this.#totals;
    return {
      ...{ runs: this.#count, successfulTasks: successful, failedTasks: failed, skippedTasks: skipped },
      ...{ retries, keysWarmed: keys, bytesWarmed: bytes },
    };
  }

  /** Ends all. Those of which `isQuiet` resolve with what was done, the others reject. */
  async close(isQuiet: (run: Run) => boolean): Promise<void> {
    const under = [...this.#running];
    for (const run of under) run.abort(new WarmerClosedError(), isQuiet(run));
    await Promise.allSettled(under.map((run) => run.result));
  }

  #ended(run: Run, kind: RunKind): void {
    this.#running.delete(run);
    const { figures } = run;
    const totals = this.#totals;
    totals.successful += figures.successful;
    totals.failed += figures.failed;
    totals.skipped += figures.skipped;
    totals.retries += figures.retries;
    totals.keys += figures.keys;
    totals.bytes += figures.bytes;
    if (figures.failed === 0) return;
    const { total, failed } = figures;
    this.#context.internals.logger.warn({ kind, total, failed }, "Some warming tasks have failed");
  }
}
