export {
  type Dependency,
  type EntityChange,
  type EntityEvent,
  type EntityRelation,
  type EntityRule,
  type EntityRules,
  track,
} from "@crm/cache-core";
export {
  type CacheInvalidator,
  createCacheInvalidator,
  type EntityEventInput,
  type EventContext,
  type InvalidationPlan,
  type InvalidationResult,
  type KeyHistory,
  type PlannedKey,
} from "./create-cache-invalidator.ts";
export { HandlerTimeoutError, InvalidEventError } from "./errors.ts";
export type { HistoryFilter } from "./internal/history-log.ts";
export type { InvalidationStats } from "./internal/local-history.ts";
export type { HistoryRecord, RecordStatus } from "./internal/records.ts";
export { InvalidationEvent } from "./invalidation-event.ts";
export type { CacheInvalidatorOptions, HistoryOptions } from "./options.ts";
