import type { BatchFetcher, Duration } from "@crm/cache-core";
import { InvalidSnapshotError } from "./errors.ts";
import type { WarmOptions } from "./options.ts";

/** The keys that were read most at a moment: names and counts, no values. JSON carries it. */
export interface HotSnapshot {
  readonly version: 1;
  /** ISO 8601, by the clock of the process that took it. */
  readonly takenAt: string;
  /** Most read first. */
  readonly keys: readonly HotSnapshotKey[];
}

/** One key of a snapshot of the hot set. */
export interface HotSnapshotKey {
  readonly key: string;
  /** Names of the scopes it lies in, outermost first; absent outside of scopes. */
  readonly scope?: readonly string[] | undefined;
  /** Reads, halved with age. */
  readonly reads: number;
  /** The family that the key belongs to, if it was warmed by one. */
  readonly family?: string | undefined;
}

/** How a snapshot is restored. */
export interface RestoreOptions extends WarmOptions {
  /**
   * Brings the values of keys that are neither registered nor were read through by this process. Without it those are counted as
   * skipped.
   */
  batchFetcher?: BatchFetcher<unknown> | undefined;
  /** For what `batchFetcher` brings. @default the cache's */
  ttl?: Duration | undefined;
  /** Keys of one call of `batchFetcher`, 1 to 1,000. @default 100 */
  batchSize?: number | undefined;
}

/** What became of a snapshot. */
export interface RestoreResult {
  readonly total: number;
  /** Loaded now. */
  readonly restored: number;
  /** There already. */
  readonly found: number;
  /** Nobody knows how to load them. */
  readonly skipped: number;
  readonly failed: number;
  /** Ms. */
  readonly totalTime: number;
}

/** @throws InvalidSnapshotError */
export function checkSnapshot(snapshot: unknown): HotSnapshot {
  const given = snapshot as Partial<HotSnapshot> | null;
  if (typeof given !== "object" || given === null) throw new InvalidSnapshotError("it is no object");
  if (given.version !== 1) throw new InvalidSnapshotError("`version` is not 1");
  if (!Array.isArray(given.keys)) throw new InvalidSnapshotError("`keys` is no array");
  for (const each of given.keys as unknown[]) {
    const { key, scope, reads, family } = (each ?? {}) as Partial<HotSnapshotKey>;
    if (typeof key !== "string" || key === "") throw new InvalidSnapshotError("a key is no text");
    if (typeof reads !== "number" || !(reads >= 0)) {
      throw new InvalidSnapshotError("`reads` of a key is no number from 0");
    }
    if (scope !== undefined && !(Array.isArray(scope) && scope.every((name) => typeof name === "string"))) {
      throw new InvalidSnapshotError("`scope` of a key is no array of names");
    }
    if (family !== undefined && typeof family !== "string") {
      throw new InvalidSnapshotError("`family` of a key is no text");
    }
  }
  return given as HotSnapshot;
}
