import { CacheError, InvalidationPendingError } from "../errors.ts";
import type { Coverage } from "./coverage.ts";
import type { Shared } from "./shared.ts";

/** What an invalidation covers, in the caller's names. */
export interface InvalidationNames {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly patterns: readonly string[];
  readonly soft: boolean;
}

/** Applies an invalidation, or keeps it and says so. Resolves to the number of entries that it met. */
export async function applyInvalidation(
  shared: Shared,
  coverage: Coverage,
  names: InvalidationNames,
  outcome?: (removed: number) => object,
): Promise<number> {
  const { access, tier, emitter, clock, logger } = shared;
  const began = clock.monotonic();
  tier?.drop(coverage);
  try {
    const removed = await access.invalidations.apply(coverage, outcome);
    tier?.drop(coverage);
    if (emitter.wants("invalidation:applied")) {
      emitter.emit("invalidation:applied", { ...names, removed, durationMs: clock.monotonic() - began });
    }
    return removed;
  } catch (error) {
    if (!CacheError.isInstance(error)) throw error;
    keepPending(shared, coverage, names, error);
    logger.warn({ err: error, ...names }, "An invalidation could not be applied yet; it is kept and retried");
    throw new InvalidationPendingError({ ...names, cause: error });
  }
}

/** What could not be applied is retried until it is, and counts as missing in this process meanwhile. */
export function keepPending(
  shared: Shared,
  coverage: Coverage,
  names: InvalidationNames,
  error: unknown,
): void {
  const { pending, fills, emitter } = shared;
  pending.add(coverage);
  fills.detachCovered((key) => coverage.covers(key, null));
  if (emitter.wants("invalidation:pending")) emitter.emit("invalidation:pending", { ...names, error });
}
