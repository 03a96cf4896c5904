export { connectPg, type PgClientLike } from "./connect-pg.ts";
export { connectPglite, type PgliteLike } from "./connect-pglite.ts";
export { createOutboxRelay, type OutboxRelay, type OutboxStats } from "./create-outbox-relay.ts";
export { type DrizzleSql, drizzleQuery } from "./drizzle-query.ts";
export { enqueue, type QueryClient } from "./enqueue.ts";
export {
  DeliveryTimeoutError,
  InvalidOutboxEventError,
  type InvalidOutboxEventErrorParameters,
  OutboxMissingError,
  RelayClosedError,
} from "./errors.ts";
export type { EntityEvent, EntityEventName, InvalidationTarget } from "./invalidation-target.ts";
export type { OutboxConnection } from "./outbox-connection.ts";
export { outboxMigration } from "./outbox-migration.ts";
export type { OutboxTableOptions } from "./outbox-table.ts";
export { type OutboxTriggerOptions, outboxTrigger } from "./outbox-trigger.ts";
export type { OutboxRow, RelayEvents } from "./relay-events.ts";
export type { OutboxRelayOptions } from "./relay-options.ts";
export { requeueDead } from "./requeue-dead.ts";
