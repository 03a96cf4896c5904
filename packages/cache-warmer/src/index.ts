export type { CacheWarmer } from "./cache-warmer.ts";
export { createCacheWarmer } from "./create-cache-warmer.ts";
export {
  DependencyCycleError,
  InvalidScheduleError,
  InvalidSnapshotError,
  WarmerClosedError,
} from "./errors.ts";
export type { RunKind, WarmerEvents, WarmingProgress } from "./events.ts";
export type { HotSnapshot, HotSnapshotKey, RestoreOptions, RestoreResult } from "./hot-snapshot.ts";
export type { LimiterState } from "./internal/gradient-limiter.ts";
export type { Readiness } from "./internal/readiness-gate.ts";
export type {
  CategoryMetrics,
  FailureReason,
  SkipReason,
  TaskMetrics,
  WarmingFailure,
  WarmingMetrics,
  WarmingTotals,
} from "./metrics.ts";
export type {
  BackgroundOptions,
  CacheWarmerOptions,
  HotKeyOptions,
  StartupOptions,
  WarmingLimiterOptions,
  WarmOptions,
} from "./options.ts";
export { readinessHandler } from "./readiness-handler.ts";
export { type ProgressStream, type ShowProgressOptions, showProgress } from "./show-progress.ts";
export type { WarmingEntryOptions, WarmingFamily, WarmingSettings, WarmingTask } from "./warming-task.ts";
