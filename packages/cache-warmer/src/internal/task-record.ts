import type { BatchFetcher, Duration, FetchContext } from "@crm/cache-core";
import type { TaskMetrics } from "../metrics.ts";
import type { WarmingEntryOptions, WarmingFamily } from "../warming-task.ts";

/** A registered task or family, checked. */
export interface TaskRecord {
  /** The key of a task, the name of a family. */
  readonly name: string;
  readonly category: string;
  readonly priority: number;
  readonly ttl: Duration | undefined;
  readonly ttlMs: number;
  readonly dependsOn: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly retries: number | undefined;
  readonly entry: WarmingEntryOptions | undefined;
  readonly fetcher: ((context: FetchContext<unknown>) => unknown) | undefined;
  readonly family:
    | {
        readonly keys: WarmingFamily["keys"];
        readonly batchFetcher: BatchFetcher<unknown>;
        readonly batchSize: number;
      }
    | undefined;
  /** When a run of this instance last saw it settled, ms of the store's clock; -1 before. */
  settledAt: number;
  /** Whether the expiry index knows when its entry expires. */
  indexed: boolean;
  /** Whether the expiry index is to ask about it. */
  doubted: boolean;
  /** What became of it, for the metrics; made when there is something to tell. */
  report: TaskReport | undefined;
}

/** Running figures of one task. */
export interface TaskReport {
  runs: number;
  successes: number;
  failures: number;
  skips: number;
  retries: number;
  lastOutcome: TaskMetrics["lastOutcome"];
  lastReason: TaskMetrics["lastReason"] | undefined;
  lastError: unknown;
  lastDurationMs: number;
  bytes: number;
}
