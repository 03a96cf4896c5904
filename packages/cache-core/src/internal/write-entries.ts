import { CacheError } from "../errors.ts";
import { keepPending } from "./apply-invalidation.ts";
import { Coverage } from "./coverage.ts";
import type { Put } from "./put-calls.ts";
import type { Shared } from "./shared.ts";

/** Writes, or keeps in mind that what these keys hold is outdated. Resolves to the number written. */
export async function writeEntries(
  shared: Shared,
  puts: readonly Put[],
  keys: readonly string[],
): Promise<number> {
  const { access, tier, pending, emitter, logger } = shared;
  const coverage = new Coverage({ keys: puts.map((put) => put.key), tags: [], ranges: [], soft: false });
  tier?.drop(coverage);
  // What waits to be removed is older than this write.
  const overtaking = pending.size > 0 ? await pending.beginWrite(coverage.keys) : undefined;
  let stored = false;
  try {
    const [only] = puts;
    await (puts.length === 1 && only !== undefined ? access.puts.one(only) : access.puts.many(puts));
    stored = true;
    tier?.drop(coverage);
    if (emitter.wants("entry:set")) for (const key of keys) emitter.emit("entry:set", { key });
    return puts.length;
  } catch (error) {
    if (!CacheError.isInstance(error)) throw error;
    // An older value may still be there, which this write was to replace: it has to go.
    keepPending(shared, coverage, { keys, tags: [], patterns: [], soft: false }, error);
    logger.warn(
      { err: error, keys: keys.length },
      "A write could not be stored; what it was to replace is removed as soon as possible",
    );
    return 0;
  } finally {
    overtaking?.end(stored);
  }
}
