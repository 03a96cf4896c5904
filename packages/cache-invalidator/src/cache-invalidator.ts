import type { EntityEvent, EntityRule } from "@crm/cache-core";
import type { KeyHistory } from "./internal/explain-key.ts";
import type { HistoryFilter } from "./internal/history-log.ts";
import type { InvalidationStats } from "./internal/local-history.ts";
import type { InvalidationPlan } from "./internal/plan-events.ts";
import type { HistoryRecord } from "./internal/records.ts";

/** Who did it, and why, for the history. */
export interface EventContext {
  /** 1 to 256 bytes without control characters. */
  readonly actor?: string | undefined;
  /** 1 to 256 bytes without control characters. */
  readonly cause?: string | undefined;
}

/** Something that has happened to an entity. */
export interface EntityEventInput extends EventContext {
  readonly event: EntityEvent;
  /** 1 to 128 bytes without control characters. */
  readonly entityType: string;
  /** Data, never a glob: 1 to 512 bytes without control characters, or a number up to 2^53, or a bigint. */
  readonly entityId: string | number | bigint;
  /** What the application knows of the entity: relations find ids in it, custom handlers get it. It is not recorded. */
  readonly data?: unknown;
}

/** What an invalidation did. */
export interface InvalidationResult {
  /** Names it in the history; `undefined` when it waits for the end of a `batch`. */
  readonly unit: string | undefined;
  /** Entries that were removed or marked stale, each once. 0 when deferred. */
  readonly keysInvalidated: number;
  /** It is sent when the surrounding `batch` has succeeded. */
  readonly deferred: boolean;
}

/**
 * Says what changed; what was made from it disappears everywhere. Made by `createCacheInvalidator`. Its functions stand
 * alone: `const { invalidateOnUpdate } = invalidator`.
 */
export interface CacheInvalidator {
  /** `apply` of one `entity:created`. */
  invalidateOnCreate(
    entityType: string,
    entityId: string | number | bigint,
    data?: unknown,
    context?: EventContext,
  ): Promise<InvalidationResult>;
  /** `apply` of one `entity:updated`. */
  invalidateOnUpdate(
    entityType: string,
    entityId: string | number | bigint,
    data?: unknown,
    context?: EventContext,
  ): Promise<InvalidationResult>;
  /** `apply` of one `entity:deleted`. */
  invalidateOnDelete(
    entityType: string,
    entityId: string | number | bigint,
    data?: unknown,
    context?: EventContext,
  ): Promise<InvalidationResult>;
  /** The same event for many ids, as one invalidation; none for no ids. Rejects as `apply`, and with `InvalidOptionError`. */
  invalidateBatch(
    event: EntityEvent,
    entityType: string,
    entityIds: readonly (string | number | bigint)[],
    context?: EventContext,
  ): Promise<InvalidationResult>;
  /**
   * Applies one event, or several as one invalidation (of 1,000 at most; more are several). Resolved: no read through the
   * store, from any process, returns what was made before, and custom handlers have run.
   *
   * Rejects with `InvalidEventError` before anything is done, with `CacheClosedError`, and with `InvalidationPendingError`
   * when it could not be applied yet: it is kept, retried until it is, and recorded then.
   */
  apply(events: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationResult>;
  /** What `apply` would do now. Changes nothing. Rejects with `InvalidEventError`, or as the store does. */
  plan(events: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationPlan>;
  /**
   * A unit of work: invalidations inside wait, and are sent as one when `work` has succeeded; not at all when it throws.
   * Resolves to what `work` returns. An inner batch is a part of the outer one, as a savepoint is: sent with it, and not at
   * all when its own work throws, even where the outer work goes on. Rejects with what `work` throws, and as `apply`.
   */
  batch<T>(work: () => T | Promise<T>): Promise<T>;
  /** Adds the rule of an entity, or replaces it, in this process. Throws `InvalidOptionError`, `InvalidEventError`. */
  registerRule(entityType: string, rule: EntityRule): void;
  /** The latest events of all processes, newest first, from memory. Throws `InvalidOptionError`. @default 100 */
  getHistory(count?: number): HistoryRecord[];
  /** Counts, from memory; see `history.localRecords`. */
  getStats(): InvalidationStats;
  /** The durable history of all processes, newest first. Rejects with `InvalidOptionError`, or as the store does. */
  queryHistory(filter?: HistoryFilter): Promise<HistoryRecord[]>;
  /**
   * Which events, of those on record, took a key: the latest `limit`, 1 to 100,000. Rejects with `InvalidKeyError`,
   * `InvalidOptionError`, or as the store does. @default 10
   */
  explain(key: string, limit?: number): Promise<KeyHistory>;
  /** Resolves when the history has been loaded, or the store did not answer. Never needed. */
  ready(): Promise<void>;
  /**
   * Waits for what is under way or being recorded, and ends the link to the bus. The cache stays open. Called by a custom
   * handler it does not wait.
   */
  close(): Promise<void>;
}
