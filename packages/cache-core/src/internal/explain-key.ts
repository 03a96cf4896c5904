import type { Explanation } from "../cache.ts";
import { isOwnTag, type KnownDependency, readDependencyTag } from "../dependencies.ts";
import { looksLikeEntry, type ParsedEntry, parseEntry } from "../entry.ts";
import type { Shared } from "./shared.ts";
import type { TierEntry } from "./tier-entry.ts";

/** What both tiers know of an entry. */
type Names = Pick<Explanation, "tags" | "dependencies">;

/** Where a key stands, and why a read would or would not be served. Reads only. */
export async function explainKey(
  shared: Shared,
  key: string,
  full: string,
  prefix: string,
): Promise<Explanation> {
  const { store, keys, access, tier, pending, payloads } = shared;
  const name = keys.entry(full);
  /** What a read is served without asking the store. */
  const held = (): TierEntry | undefined => (pending.size === 0 ? tier?.peek(full) : undefined);
  let bytes: Buffer | null;
  let leased: boolean;
  try {
    [bytes, leased] = await Promise.all([store.get(name), access.leases.isLeased(full)]);
  } catch {
    return missing("The store does not answer: reads go to the source.", "does not answer");
  }
  if (bytes === null) {
    const reason = leased
      ? "Nothing is stored; somebody is fetching it now."
      : "Nothing is stored that can be read: never written, expired, removed, evicted, or of another type.";
    return missing(reason, "has nothing", { leased });
  }
  const entry = parseEntry(bytes);
  const stored = { bytes: bytes.length, leased };
  if (entry === null) {
    return looksLikeEntry(bytes)
      ? missing(
          "The bytes are damaged (their checksum does not fit): a miss, to be overwritten by the next fill.",
          "has damaged bytes",
          { ...stored, found: "store", state: "damaged" },
        )
      : missing(
          "The bytes were not written by this library: a miss, to be overwritten by the next fill.",
          "has bytes of somebody else",
          { ...stored, found: "store", state: "foreign" },
        );
  }
  return readable(entry, stored);

  /** No entry that can be read is stored; one may be held in process all the same. */
  function missing(reason: string, storeSays: string, known: Partial<Explanation> = {}): Explanation {
    const entry = held();
    const nothing: Explanation = {
      ...{ key, found: "nowhere", state: "missing", reason, leased: false, bytes: null, codec: null },
      ...{ ageSeconds: null, ttl: null, expiresIn: null, tags: [], dependencies: [] },
      invalidationPending: pending.covers(full, []),
      ...known,
    };
    if (entry === undefined) return nothing;
    const now = shared.clock.monotonic();
    return {
      ...nothing,
      found: "memory",
      state: "fresh",
      reason: `Fresh: served from this process, while the store ${storeSays}.`,
      ageSeconds: Math.max(0, store.serverNow(name) - entry.createdAt) / 1000,
      ttl: Math.max(0, entry.freshUntil - now) / 1000,
      expiresIn: Math.max(0, entry.expiresAt - now) / 1000,
      ...namesOf(entry.tags, prefix),
    };
  }

  function readable(entry: ParsedEntry, stored: { bytes: number; leased: boolean }): Explanation {
    const inMemory = held() !== undefined;
    const now = store.serverNow(name);
    const fresh = now < entry.freshUntil;
    const invalidationPending = pending.covers(full, entry.tags);
    const otherCodec = entry.codecId !== payloads.codec.id;
    return {
      key,
      found: inMemory ? "memory" : "store",
      state: fresh ? "fresh" : "stale",
      reason:
        otherCodec && !inMemory
          ? "Written by another codec than this cache's: a miss."
          : invalidationPending
            ? "An invalidation that covers it waits to be applied: a miss in this process until then."
            : fresh
              ? `Fresh: served from ${inMemory ? "this process" : "the store"}.`
              : entry.markedStale
                ? "Marked stale by a soft invalidation: served by getOrSet while one refresh runs, a miss for get."
                : "Past its TTL: served by getOrSet within its stale window while one refresh runs, a miss for get.",
      ageSeconds: Math.max(0, now - entry.createdAt) / 1000,
      ttl: Math.max(0, entry.freshUntil - now) / 1000,
      expiresIn: Math.max(0, entry.expiresAt - now) / 1000,
      ...namesOf(entry.tags, prefix),
      codec: otherCodec ? `id ${entry.codecId}` : payloads.codec.name,
      ...stored,
      invalidationPending,
    };
  }
}

function namesOf(stored: readonly string[], prefix: string): Names {
  const tags = stored.map((tag) => tag.slice(prefix.length));
  return {
    tags: tags.filter(isOwnTag),
    dependencies: tags.map(readDependencyTag).filter((each): each is KnownDependency => each !== undefined),
  };
}
