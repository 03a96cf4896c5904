import type { TaskMetrics } from "../metrics.ts";
import type { TaskRecord } from "./task-record.ts";

/** The figures of a task, as callers see them. */
export function taskMetrics({ name, category, priority, report }: TaskRecord): TaskMetrics {
  return {
    ...{ key: name, category, priority },
    runs: report?.runs ?? 0,
    successes: report?.successes ?? 0,
    failures: report?.failures ?? 0,
    skips: report?.skips ?? 0,
    retries: report?.retries ?? 0,
    lastOutcome: report?.lastOutcome ?? null,
    lastReason: report?.lastReason ?? null,
    lastError: report?.lastError,
    lastDuration: report?.lastDurationMs ?? 0,
    bytes: report?.bytes ?? 0,
  };
}
