import type { Duration } from "@crm/cache-core";
import type { WarmerEvents } from "./events.ts";
import type { HotSnapshot, HotSnapshotKey, RestoreOptions, RestoreResult } from "./hot-snapshot.ts";
import type { Readiness } from "./internal/readiness-gate.ts";
import type { TaskMetrics, WarmingMetrics, WarmingTotals } from "./metrics.ts";
import type { BackgroundOptions, StartupOptions, WarmOptions } from "./options.ts";
import type { WarmingFamily, WarmingTask } from "./warming-task.ts";

/** Fills the cache before somebody needs it. Made by `createCacheWarmer`. */
export interface CacheWarmer {
  /**
   * Adds a task. One with the same key is replaced: the later counts, and a warning is logged. Throws before anything is
   * changed: `InvalidKeyError`, `InvalidFetcherError`, `InvalidDurationError`, `InvalidOptionError`, `DependencyCycleError`.
   */
  register<T>(task: WarmingTask<T>): "added" | "replaced";
  /** As `register`, all or none. */
  registerBatch(tasks: readonly WarmingTask[]): void;
  /** Adds many keys of a kind under one name. As `register`. */
  registerFamily<T>(family: WarmingFamily<T>): "added" | "replaced";
  /** Forgets a task or a family; what is cached stays. Returns whether there was one. */
  unregister(name: string): boolean;

  /**
   * Loads every task, highest priority first, and stores the values by the fenced fill: what is written or invalidated meanwhile
   * is never overwritten. What another instance of the fleet loads, or has just loaded, is not loaded again. Resolves when every
   * task has ended, here or elsewhere; a task that fails is counted. Keeps the process alive meanwhile. Rejects with the reason of
   * `signal`, and with `WarmerClosedError`.
   */
  warmAll(options?: WarmOptions): Promise<WarmingMetrics>;
  /** As `warmAll` for one category. */
  warmCategory(category: string, options?: WarmOptions): Promise<WarmingMetrics>;
  /**
   * Loads again what expires within so many seconds (or `"5m"`), or has expired since it was last looked at. Found by an index; the store is asked
   * about what is due, and once about what the index does not know.
   */
  warmExpiringSoon(seconds: Duration, options?: WarmOptions): Promise<WarmingMetrics>;
  /**
   * Warms at the start of the process: skips what is fresh and younger than half its TTL, whoever made it. `readiness()` opens when
   * the tasks of priority `readyAt` or above have ended, or at the deadline; not because the run was aborted. Resolves when every task has ended.
   */
  performStartupWarming(options?: StartupOptions): Promise<WarmingMetrics>;

  /**
   * Warms every so many minutes, or by a cron pattern. What the fleet has loaded in the last nine tenths of the time between two runs is
   * not loaded again. A second schedule for the same category replaces the first. Throws `InvalidOptionError`, `InvalidScheduleError`.
   */
  startBackgroundWarming(schedule: number | BackgroundOptions): void;
  /** Ends all schedules, and the background run under way. Resolves when it has ended. */
  stopBackgroundWarming(): Promise<void>;

  /** Figures of the run under way, or of the last one. At once. */
  getMetrics(): WarmingMetrics;
  /** Figures of all runs. At once. */
  getTotals(): WarmingTotals;
  /** Figures of one task or family; `undefined` when there is none. At once. */
  getTaskMetrics(name: string): TaskMetrics | undefined;
  /** How many tasks there are, by category; a family counts as one. At once. */
  getTasksByCategory(): Record<string, number>;

  /** The keys that are read most, most first. At once. Throws `InvalidOptionError` unless `hotKeys` is on. */
  hotKeys(count?: number): HotSnapshotKey[];
  /** Names and counts of what is read most, for `restore`. As `hotKeys`. */
  snapshot(): HotSnapshot;
  /**
   * Loads what a snapshot names and is missing, most read first: by registered tasks and families, by what its latest reader here would
   * have filled it with, or by `batchFetcher`. Values come from the source and are never part of a snapshot, so nothing old comes back.
   * Rejects with `InvalidSnapshotError`, the reason of `signal`, `WarmerClosedError`.
   */
  restore(snapshot: HotSnapshot, options?: RestoreOptions): Promise<RestoreResult>;

  /** Whether traffic may come. At once. */
  readiness(): Readiness;
  /** Resolves when `readiness()` opens, or the warmer is closed. */
  whenReady(): Promise<Readiness>;

  /** Listens to an event; returns the function that ends it. */
  on<E extends keyof WarmerEvents>(event: E, handler: (payload: WarmerEvents[E]) => void): () => void;
  /** Ends schedules, runs and timers. Runs reject with `WarmerClosedError`. The cache stays open. Idempotent. */
  close(): Promise<void>;
}
