import { payloadBytes } from "../entry.ts";
import { CacheError } from "../errors.ts";
import { keepPending } from "./apply-invalidation.ts";
import { Coverage } from "./coverage.ts";
import { eachOf } from "./each-of.ts";
import type { Put } from "./put-calls.ts";
import type { Shared } from "./shared.ts";

/** Of one script at most: about 4 ms of the server's time. */
const PAGE = { entries: 256, tags: 1_000, bytes: 262_144 } as const;
/** One page is on its way while the server works at another; more would wait longer than a call may take. */
const PAGES_AT_ONCE = 2;

/**
 * Writes entries, a page at a time; of several values for one key the last is stored. What could not be written is kept in
 * mind: what its keys hold is outdated. Resolves to the number written.
 */
export async function writeEntries(
  shared: Shared,
  puts: readonly Put[],
  keys: readonly string[],
): Promise<number> {
  const ends = endsOfPages(puts);
  if (ends.length === 1) return writePage(shared, puts, keys);
  const written = await eachOf(
    ends,
    (end, i) => {
      const from = ends[i - 1] ?? 0;
      return writePage(shared, puts.slice(from, end), keys.slice(from, end));
    },
    PAGES_AT_ONCE,
  );
  return written.reduce((sum, count) => sum + count, 0);
}

/** Where each page ends. */
function endsOfPages(puts: readonly Put[]): number[] {
  const ends: number[] = [];
  let [from, tags, bytes] = [0, 0, 0];
  for (let i = 0; i < puts.length; i++) {
    const { parts, tags: own } = puts[i] as Put;
    const size = payloadBytes(parts);
    if (
      i > from &&
      (i - from === PAGE.entries || tags + own.length > PAGE.tags || bytes + size > PAGE.bytes)
    ) {
      ends.push(i);
      [from, tags, bytes] = [i, 0, 0];
    }
    tags += own.length;
    bytes += size;
  }
  ends.push(puts.length);
  return ends;
}

async function writePage(shared: Shared, puts: readonly Put[], keys: readonly string[]): Promise<number> {
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
