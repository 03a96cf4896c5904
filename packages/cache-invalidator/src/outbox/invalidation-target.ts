/** What changed, as the outbox carries it. Also what a `createCacheInvalidator` takes. */
export interface EntityEvent {
  readonly event: EntityEventName;
  /** Name of the entity as the rules know it: `companies`. */
  readonly entityType: string;
  /** Id of the one that changed. Data, never a glob. */
  readonly entityId: string;
  /** What rules and handlers need beside the id, as JSON: a `Date` arrives as its ISO text. */
  readonly data?: unknown;
  /** Who changed it. */
  readonly actor?: string;
  /** Why: the request, the job, the trigger. */
  readonly cause?: string;
}

/** What can happen to an entity. */
export type EntityEventName = "entity:created" | "entity:updated" | "entity:deleted";

/**
 * Whoever turns an event into an invalidation.
 *
 * `apply` must resolve only once the invalidation is in force, and must be idempotent: the outbox delivers at least
 * once. It rejects when it did not work; an error whose `retryable` is true says that the fault is not the event's.
 */
export interface InvalidationTarget {
  apply(event: EntityEvent): Promise<unknown>;
}
