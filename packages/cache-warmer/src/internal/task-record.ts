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
  /** What was registered in its place; a run may still hold the former one. */
  successor: TaskRecord | undefined;
  /** Whether the expiry index knows when its entry expires. */
  indexed: boolean;
  /** Whether the expiry index is to ask about it. */
  doubted: boolean;
  /** What became of it, for the metrics; made when there is something to tell. */
  report: TaskReport | undefined;
}

/** A run of this instance has seen it settled. That is no news to what was registered in its place meanwhile. */
export function settle(record: TaskRecord, at: number): void {
  for (let each: TaskRecord | undefined = record; each !== undefined; each = each.successor) {
    each.settledAt = Math.max(each.settledAt, at);
  }
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
