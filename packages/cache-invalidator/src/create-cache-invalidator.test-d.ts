import type { Cache } from "@crm/cache-core";
import { type CacheInvalidator, createCacheInvalidator, InvalidationEvent } from "./index.ts";

declare const cache: Cache;
const invalidator: CacheInvalidator = createCacheInvalidator(cache);

/** The functions stand alone, as a composition root exports them. */
export const invalidateOnUpdate: CacheInvalidator["invalidateOnUpdate"] = invalidator.invalidateOnUpdate;

invalidator.apply({ event: "entity:updated", entityType: "companies", entityId: 7 });
invalidator.invalidateBatch(InvalidationEvent.ENTITY_UPDATED, "companies", ["1", "2"]);
// @ts-expect-error there is no such event
invalidator.apply({ event: "updated", entityType: "companies", entityId: "7" });
// @ts-expect-error history is there at once
invalidator.getHistory(10).then;
// @ts-expect-error an option that does not exist
createCacheInvalidator(cache, { depth: 2 });

/** A batch resolves to what its work returns. */
export const seven: Promise<number> = invalidator.batch(async () => 7);
