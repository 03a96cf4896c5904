import { InvalidationPendingError } from "@crm/cache-core";
import type { EntityEventInput, InvalidationResult } from "@crm/cache-invalidator";
import type { CrmEntity } from "@crm/cache-rules";
import { cacheInvalidator } from "../cache/index.ts";
import type { Affected } from "../db/queries/affected.ts";
import { figureCopyQueries } from "../db/queries/figure-copies.ts";
import type { WriteMeta } from "./api-response.ts";
import { countAgain, movesFigures, needsCounting, removeFigures, rowFiguresMoved } from "./figures.ts";

/**
 * Tells the cache what a write has changed. Always *after* the commit: an invalidation before it would let a reader
 * fetch the old row in between and store it, and no later invalidation would remove it. The other order has no such
 * gap, for a fetch that began before this call ended is refused by its lease.
 *
 * The write is committed when this runs, so a store that cannot be reached is no reason to report a failure: the
 * client would repeat what has happened already. The cache keeps the invalidation and retries it; the client is told
 * `pending`.
 */
export async function afterCommit(invalidate: () => Promise<InvalidationResult>): Promise<WriteMeta> {
  try {
    return { cache: "applied", removed: (await invalidate()).keysInvalidated };
  } catch (error) {
    if (InvalidationPendingError.isInstance(error)) return { cache: "pending", removed: null };
    throw error;
  }
}

/**
 * As `afterCommit`, of several events that are one. Figures that have moved are counted again before the write is acknowledged; that they
 * have moved is noted where those find it who read without a cache (`db/queries/figure-copies.ts`).
 */
export async function afterEvents(events: readonly EntityEventInput[]): Promise<WriteMeta> {
  const write = await afterCommit(async () => {
    if (!events.some(needsCounting)) return cacheInvalidator.apply(events);
    try {
      const result = await cacheInvalidator.apply(events);
      await countAgain();
      return result;
    } catch (error) {
      if (InvalidationPendingError.isInstance(error)) await removeFigures();
      throw error;
    }
  });
  if (events.some(movesFigures)) await figureCopyQueries.acknowledge();
  return write;
}

/** A row is gone, and others have lost it: all of that is one invalidation. */
export function removedWith(
  entity: CrmEntity,
  row: { readonly id: string },
  affected: readonly Affected[],
): Promise<WriteMeta> {
  const events: EntityEventInput[] = [
    { event: "entity:deleted", entityType: entity, entityId: row.id, data: row },
    ...affected.flatMap(({ event, entity: entityType, ids }) =>
      ids.map((entityId) => ({ event, entityType, entityId })),
    ),
    ...rowFiguresMoved(entity, row.id),
    // Once is enough: the figures do not go by rows.
    ...affected.flatMap(({ entity: other, ids }) => rowFiguresMoved(other, ids[0] as string)),
  ];
  return afterEvents(events);
}
