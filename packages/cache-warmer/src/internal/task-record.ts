import type { Duration, FetchContext } from "@crm/cache-core";
import type { TaskMetrics } from "../metrics.ts";
import type { TaskSettings } from "./task-settings.ts";

/** A registered task or family, checked. There are ten thousand of them: what they share, or have not yet, is one field. */
export interface TaskRecord {
  /** The key of a task, the name of a family. */
  readonly name: string;
  /** Of a task; `undefined` of a family. */
  readonly fetcher: ((context: FetchContext<unknown>) => unknown) | undefined;
  readonly settings: TaskSettings;
  /** Whether the expiry index knows when its entry expires. */
  indexed: boolean;
  /** That the expiry index is to ask about it, and after which other one; `null`: it is the first; `undefined`: it need not ask. */
  doubtedAfter: TaskRecord | null | undefined;
  /** What became of it; made when there is something to tell. */
  past: TaskPast | undefined;
}

/** What became of a task, and its running figures. */
export interface TaskPast {
  /** When a run of this instance last saw it settled, ms of the store's clock; -1 before. */
  settledAt: number;
  /** What was registered in its place; a run may still hold the former one. */
  successor: TaskRecord | undefined;
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

export function pastOf(record: TaskRecord): TaskPast {
  record.past ??= {
    settledAt: -1,
    successor: undefined,
    runs: 0,
    successes: 0,
    failures: 0,
    skips: 0,
    retries: 0,
    lastOutcome: null,
    lastReason: undefined,
    lastError: undefined,
    lastDurationMs: 0,
    bytes: 0,
  };
  return record.past;
}

export function settledAtOf(record: TaskRecord): number {
  return record.past?.settledAt ?? -1;
}

/** A run of this instance has seen it settled. That is no news to what was registered in its place meanwhile. */
export function settle(record: TaskRecord, at: number): void {
  for (let each: TaskRecord | undefined = record; each !== undefined; each = each.past?.successor) {
    const past = pastOf(each);
    past.settledAt = Math.max(past.settledAt, at);
  }
}

/** The TTL as options of entries have it; exact, since both are whole milliseconds. */
export function ttlOf({ settings: { ttlMs } }: TaskRecord): Duration | undefined {
  return ttlMs === undefined ? undefined : ttlMs / 1_000;
}
