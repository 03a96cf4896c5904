import type { LimiterState } from "./internal/gradient-limiter.ts";

/** Why a task was not loaded, or its value not stored. */
export type SkipReason =
  /** Its fetcher returned `null` or `undefined`, or called `skipStore()`. */
  | "empty"
  /** Another instance has loaded it. */
  | "fleet"
  /** Another instance has tried and failed. */
  | "failed-elsewhere"
  /** There is a fresh entry, young enough for this kind of run, or newer than the run. */
  | "warm"
  /** It was written or invalidated while it was loaded: what is there, or is not, is newer. */
  | "newer"
  /** The run was aborted, or the warmer closed. */
  | "aborted";

/** Why a task failed. */
export type FailureReason =
  /** Its fetcher threw. */
  | "error"
  /** It took longer than its timeout. */
  | "timeout"
  /** Its value cannot be cached exactly. */
  | "unserializable"
  /** The store could not be used. */
  | "store"
  /** A task that it depends on has failed. */
  | "dependency";

/** One failed task. */
export interface WarmingFailure {
  readonly key: string;
  readonly category: string;
  readonly reason: FailureReason;
  readonly error: unknown;
  /** How often it was tried. */
  readonly attempts: number;
}

/** Figures of one category in one run. */
export interface CategoryMetrics {
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
  readonly skipped: number;
  readonly retries: number;
  /** Entries stored, and the bytes of their values. */
  readonly keys: number;
  readonly bytes: number;
  /** Sum of the times its loads took, in ms. */
  readonly loadTime: number;
  /** The longest of them, in ms. */
  readonly longestLoad: number;
}

/** Figures of a run. Times are in ms. While it runs, so far. */
export interface WarmingMetrics {
  readonly totalTasks: number;
  readonly successfulTasks: number;
  readonly failedTasks: number;
  readonly skippedTasks: number;
  readonly totalTime: number;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly aborted: boolean;
  /** Loads that were tried again. */
  readonly retries: number;
  /** Entries stored: more than tasks where there are families. */
  readonly keysWarmed: number;
  /** Bytes of their values, as stored. */
  readonly bytesWarmed: number;
  readonly skips: Readonly<Partial<Record<SkipReason, number>>>;
  /** The first 100. */
  readonly failures: readonly WarmingFailure[];
  readonly byCategory: Readonly<Record<string, CategoryMetrics>>;
  /** Loads of this instance that are under way now, in all its runs. */
  readonly inFlight: number;
  /** The most there were in this run. */
  readonly peakInFlight: number;
  /** `null` when the limiter is off. */
  readonly limiter: LimiterState | null;
}

/** Figures since the warmer was made. */
export interface WarmingTotals {
  readonly runs: number;
  readonly successfulTasks: number;
  readonly failedTasks: number;
  readonly skippedTasks: number;
  readonly retries: number;
  readonly keysWarmed: number;
  readonly bytesWarmed: number;
  /** Refreshes of hot keys: those that stored a value, found one, and failed. */
  readonly hotRefreshes: number;
  readonly hotFound: number;
  readonly hotFailures: number;
}

/** Figures of one task since it was registered. */
export interface TaskMetrics {
  readonly key: string;
  readonly category: string;
  readonly priority: number;
  readonly runs: number;
  readonly successes: number;
  readonly failures: number;
  readonly skips: number;
  readonly retries: number;
  readonly lastOutcome: "success" | "failed" | "skipped" | null;
  readonly lastReason: SkipReason | FailureReason | null;
  readonly lastError: unknown;
  /** Of its last load, in ms. */
  readonly lastDuration: number;
  /** Bytes of what it stored last. */
  readonly bytes: number;
}
