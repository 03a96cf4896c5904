import type { EntityEvent } from "@crm/cache-core";

/** What became of an invalidation. */
export type RecordStatus =
  /** Applied, with its outcome. */
  | "applied"
  /** Could not be applied yet; it is kept and retried by the process that it came from. */
  | "pending"
  /** On record without an outcome: under way, or its process has ended in between. */
  | "unfinished";

/** One event in the history. */
export interface HistoryRecord {
  /** When it was put on record, by the server's clock. */
  readonly timestamp: Date;
  readonly event: EntityEvent;
  readonly entityType: string;
  readonly entityId: string;
  readonly patternsInvalidated: readonly string[];
  /**
   * Entries that the whole cascade removed or marked stale, each once. Of events that were sent together the first has
   * the number and the others 0.
   */
  readonly keysInvalidated: number;
  readonly status: RecordStatus;
  /** Milliseconds until it was applied; `undefined` without an outcome. */
  readonly durationMs: number | undefined;
  readonly actor: string | undefined;
  readonly cause: string | undefined;
  /** The process that it came from. */
  readonly instance: string;
  /** The way of the cascade: `companies:42`, `companies:42 > deals`, … */
  readonly cascade: readonly string[];
  /** Whether entries that depend on the entity went, too. */
  readonly dependencies: boolean;
  /** Custom handlers that failed. */
  readonly failedHandlers: number;
  readonly sessionsEnded: number;
  /** Events that were sent together have the same. */
  readonly unit: string;
}

/** An event on the bus; with the actor and cause where they differ from those of the first. */
export type WireEvent = readonly [
  event: "c" | "u" | "d",
  entity: string,
  id: string,
  actor?: string | null,
  cause?: string | null,
];

/** A record as it lies on the bus. Short names: there may be a hundred thousand. */
export interface WireRecord {
  /** `i` before, or with, the removal; `o` once it is over. The latter repeats the former. */
  readonly t: "i" | "o";
  readonly id: string;
  /** Scope. */
  readonly sc: string;
  readonly ev: readonly WireEvent[];
  /** Hard patterns, and soft ones. */
  readonly p: readonly string[];
  readonly sp?: readonly string[];
  /** Dependencies, and keys that went because of them. */
  readonly d?: 1;
  readonly dk?: readonly string[];
  readonly c: readonly string[];
  readonly a?: string;
  readonly w?: string;
  readonly in: string;
  /** When it was put on record: ms of the server's clock. */
  readonly ts: number;
  /** Outcome: keys, ms, failed handlers, sessions ended. */
  readonly n?: number;
  readonly ms?: number;
  readonly hf?: number;
  readonly ss?: number;
}

const EVENTS = { c: "entity:created", u: "entity:updated", d: "entity:deleted" } as const;

export function shortEvent(event: EntityEvent): "c" | "u" | "d" {
  return event[7] as "c" | "u" | "d";
}

/** The history of a unit, an event each. */
export function toHistory(wire: WireRecord, pending = false): HistoryRecord[] {
  const timestamp = new Date(wire.ts);
  const patterns = [...wire.p, ...(wire.sp ?? [])];
  return wire.ev.map(([event, entityType, entityId, actor = wire.a, cause = wire.w], i) => ({
    timestamp,
    event: EVENTS[event],
    entityType,
    entityId,
    patternsInvalidated: patterns,
    keysInvalidated: i === 0 ? (wire.n ?? 0) : 0,
    status: wire.t === "o" ? "applied" : pending ? "pending" : "unfinished",
    durationMs: wire.ms,
    actor: actor ?? undefined,
    cause: cause ?? undefined,
    instance: wire.in,
    cascade: wire.c,
    dependencies: wire.d === 1,
    failedHandlers: wire.hf ?? 0,
    sessionsEnded: wire.ss ?? 0,
    unit: wire.id,
  }));
}

/** The record of a message of the bus; `null` when it has none, or one of another scope or form. */
export function readRecord(message: string | undefined, scope: string): WireRecord | null {
  if (message === undefined || !message.includes('"a":{"t":"')) return null;
  try {
    const wire = (JSON.parse(message) as { a?: WireRecord }).a;
    const ok =
      wire !== undefined && (wire.t === "i" || wire.t === "o") && Array.isArray(wire.ev) && wire.sc === scope;
    return ok ? wire : null;
  } catch {
    return null;
  }
}
