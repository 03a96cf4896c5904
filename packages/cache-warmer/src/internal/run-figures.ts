import type {
  CategoryMetrics,
  FailureReason,
  SkipReason,
  WarmingFailure,
  WarmingMetrics,
} from "../metrics.ts";
import { pastOf, type TaskRecord } from "./task-record.ts";

/** Failures that are kept in full. */
const MAX_FAILURES = 100;

/** How a task ended. */
export interface Ending {
  readonly outcome: "success" | "failed" | "skipped";
  readonly reason: SkipReason | FailureReason | undefined;
  readonly error: unknown;
  readonly durationMs: number;
  readonly keys: number;
  readonly bytes: number;
  readonly attempts: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The figures of a run, while it goes on. */
export class RunFigures {
  readonly total: number;
  readonly #startedAt: number;
  readonly #now: { wall(): number; monotonic(): number };
  readonly #began: number;
  readonly #categories = new Map<string, Mutable<CategoryMetrics>>();
  readonly #skips: Partial<Record<SkipReason, number>> = {};
  readonly #failures: WarmingFailure[] = [];
  #completedAt: number | null = null;
  #totalTime = 0;
  successful = 0;
  failed = 0;
  skipped = 0;
  retries = 0;
  keys = 0;
  bytes = 0;
  aborted = false;
  peakInFlight = 0;

  constructor(records: readonly TaskRecord[], clock: { wall(): number; monotonic(): number }) {
    this.total = records.length;
    this.#now = clock;
    this.#startedAt = clock.wall();
    this.#began = clock.monotonic();
    for (const { settings } of records) this.#of(settings.category).total++;
  }

  get done(): number {
    return this.successful + this.failed + this.skipped;
  }

  retry(record: TaskRecord): void {
    this.retries++;
    this.#of(record.settings.category).retries++;
    pastOf(record).retries++;
  }

  end(record: TaskRecord, ending: Ending): void {
    const category = this.#of(record.settings.category);
    const past = pastOf(record);
    past.runs++;
    past.lastOutcome = ending.outcome;
    past.lastReason = ending.reason;
    past.lastError = ending.error;
    if (ending.attempts > 0) past.lastDurationMs = ending.durationMs;
    if (ending.outcome === "success") {
      this.successful++;
      category.successful++;
      past.successes++;
      past.bytes = ending.bytes;
    } else if (ending.outcome === "failed") {
      this.failed++;
      category.failed++;
      past.failures++;
      if (this.#failures.length < MAX_FAILURES) {
        const { error, attempts } = ending;
        const reason = ending.reason as FailureReason;
        this.#failures.push({
          key: record.name,
          category: record.settings.category,
          reason,
          error,
          attempts,
        });
      }
    } else {
      this.skipped++;
      category.skipped++;
      past.skips++;
      const reason = ending.reason as SkipReason;
      this.#skips[reason] = (this.#skips[reason] ?? 0) + 1;
    }
    this.keys += ending.keys;
    this.bytes += ending.bytes;
    category.keys += ending.keys;
    category.bytes += ending.bytes;
    category.loadTime += ending.durationMs;
    category.longestLoad = Math.max(category.longestLoad, ending.durationMs);
  }

  complete(): void {
    this.#completedAt = this.#now.wall();
    this.#totalTime = this.#now.monotonic() - this.#began;
  }

  metrics(inFlight: number, limiter: WarmingMetrics["limiter"]): WarmingMetrics {
    const totalTime = this.#completedAt === null ? this.#now.monotonic() - this.#began : this.#totalTime;
    return {
      totalTasks: this.total,
      successfulTasks: this.successful,
      failedTasks: this.failed,
      skippedTasks: this.skipped,
      totalTime: Math.round(totalTime),
      startedAt: new Date(this.#startedAt),
      completedAt: this.#completedAt === null ? null : new Date(this.#completedAt),
      aborted: this.aborted,
      retries: this.retries,
      keysWarmed: this.keys,
      bytesWarmed: this.bytes,
      skips: { ...this.#skips },
      failures: [...this.#failures],
      byCategory: Object.fromEntries([...this.#categories].map(([name, each]) => [name, { ...each }])),
      inFlight,
      peakInFlight: this.peakInFlight,
      limiter,
    };
  }

  #of(category: string): Mutable<CategoryMetrics> {
    let figures = this.#categories.get(category);
    if (figures === undefined) {
      const counts = { total: 0, successful: 0, failed: 0, skipped: 0, retries: 0 };
      figures = { ...counts, keys: 0, bytes: 0, loadTime: 0, longestLoad: 0 };
      this.#categories.set(category, figures);
    }
    return figures;
  }
}

/** What `getMetrics` says before the first run. */
export function noMetrics(inFlight: number, limiter: WarmingMetrics["limiter"]): WarmingMetrics {
  return {
    ...{ totalTasks: 0, successfulTasks: 0, failedTasks: 0, skippedTasks: 0, totalTime: 0 },
    ...{ startedAt: null, completedAt: null, aborted: false, retries: 0, keysWarmed: 0, bytesWarmed: 0 },
    ...{ skips: {}, failures: [], byCategory: {}, peakInFlight: 0, inFlight, limiter },
  };
}
