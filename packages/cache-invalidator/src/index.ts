export {
  type Dependency,
  type EntityChange,
  type EntityEvent,
  type EntityRelation,
  type EntityRule,
  type EntityRules,
  track,
} from "@crm/cache-core";
export type {
  CacheInvalidator,
  EntityEventInput,
  EventContext,
  InvalidationResult,
} from "./cache-invalidator.ts";
export { createCacheInvalidator } from "./create-cache-invalidator.ts";
export { HandlerTimeoutError, InvalidEventError } from "./errors.ts";
export type { KeyHistory } from "./internal/explain-key.ts";
export type { HistoryFilter } from "./internal/history-log.ts";
export type { InvalidationStats } from "./internal/local-history.ts";
export type { InvalidationPlan, PlannedKey } from "./internal/plan-events.ts";
export type { HistoryRecord, RecordStatus } from "./internal/records.ts";
export { InvalidationEvent } from "./invalidation-event.ts";
export type { CacheInvalidatorOptions, HistoryOptions } from "./options.ts";
