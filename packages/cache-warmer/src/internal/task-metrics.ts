import type { TaskMetrics } from "../metrics.ts";
import type { TaskRecord } from "./task-record.ts";

/** The figures of a task, as callers see them. */
export function taskMetrics({ name, settings, past }: TaskRecord): TaskMetrics {
  const { category, priority } = settings;
  return {
    ...{ key: name, category, priority },
    runs: past?.runs ?? 0,
    successes: past?.successes ?? 0,
    failures: past?.failures ?? 0,
    skips: past?.skips ?? 0,
    retries: past?.retries ?? 0,
    lastOutcome: past?.lastOutcome ?? null,
    lastReason: past?.lastReason ?? null,
    lastError: past?.lastError,
    lastDuration: past?.lastDurationMs ?? 0,
    bytes: past?.bytes ?? 0,
  };
}
