import { InvalidationPendingError } from "@crm/cache-core";
import { cache } from "../cache/index.ts";
import type { WriteMeta } from "./api-response.ts";

/**
 * Tells the cache what a write has changed. Always *after* the commit: an invalidation before it would let a reader
 * fetch the old row in between and store it, and no later invalidation would remove it. The other order has no such
 * gap, for a fetch that began before this call ended is refused by its lease.
 *
 * The write is committed when this runs, so a store that cannot be reached is no reason to report a failure: the
 * client would repeat what has happened already. The cache keeps the invalidation and retries it; the client is told
 * `pending`.
 */
export async function invalidateAfterCommit(tags: Iterable<string>): Promise<WriteMeta> {
  try {
    return { cache: "applied", removed: await cache.invalidateByTag([...new Set(tags)]) };
  } catch (error) {
    if (InvalidationPendingError.isInstance(error)) return { cache: "pending", removed: null };
    throw error;
  }
}
