import type { EntityEvent } from "@crm/cache-core";

/** What can happen to an entity. */
export const InvalidationEvent: {
  readonly ENTITY_CREATED: "entity:created";
  readonly ENTITY_UPDATED: "entity:updated";
  readonly ENTITY_DELETED: "entity:deleted";
} = {
  ENTITY_CREATED: "entity:created",
  ENTITY_UPDATED: "entity:updated",
  ENTITY_DELETED: "entity:deleted",
};
/** One of them, as text. */
export type InvalidationEvent = EntityEvent;
