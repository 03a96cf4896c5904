import type { Explanation } from "../cache.ts";
import { isOwnTag, type KnownDependency, readDependencyTag } from "../dependencies.ts";
import { looksLikeEntry, parseEntry } from "../entry.ts";
import type { Shared } from "./shared.ts";

/** Where a key stands, and why a read would or would not be served. Reads only. */
export async function explainKey(
  shared: Shared,
  key: string,
  full: string,
  prefix: string,
): Promise<Explanation> {
  const { store, keys, access, tier, pending, payloads } = shared;
  const name = keys.entry(full);
  const nothing = {
    ...{ key, ageSeconds: null, ttl: null, expiresIn: null, tags: [], dependencies: [], bytes: null },
    codec: null,
  };
  let bytes: Buffer | null;
  let leased: boolean;
  try {
    const [entryBytes, lease] = await Promise.all([store.get(name), access.leases.isLeased(full)]);
    bytes = entryBytes;
    leased = lease;
  } catch {
    const reason = "The store does not answer: reads go to the source.";
    const invalidationPending = pending.covers(full, []);
    return { ...nothing, found: "nowhere", state: "missing", reason, leased: false, invalidationPending };
  }
  const inMemory = tier?.peek(full) !== undefined;
  if (bytes === null) {
    const reason = leased
      ? "Nothing is stored; somebody is fetching it now."
      : "Nothing is stored: never written, expired, removed, or evicted.";
    const invalidationPending = pending.covers(full, []);
    return { ...nothing, found: "nowhere", state: "missing", reason, leased, invalidationPending };
  }
  const entry = parseEntry(bytes);
  if (entry === null) {
    const foreign = !looksLikeEntry(bytes);
    return {
      ...nothing,
      found: "store",
      state: foreign ? "foreign" : "damaged",
      reason: foreign
        ? "The bytes were not written by this library: a miss, to be overwritten by the next fill."
        : "The bytes are damaged (their checksum does not fit): a miss, to be overwritten by the next fill.",
      bytes: bytes.length,
      leased,
      invalidationPending: pending.covers(full, []),
    };
  }
  const now = store.serverNow(name);
  const tags = entry.tags.map((tag) => tag.slice(prefix.length));
  const fresh = now < entry.freshUntil;
  const invalidationPending = pending.covers(full, entry.tags);
  const otherCodec = entry.codecId !== payloads.codec.id;
  return {
    key,
    found: inMemory ? "memory" : "store",
    state: fresh ? "fresh" : "stale",
    reason: otherCodec
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
    tags: tags.filter(isOwnTag),
    dependencies: tags.map(readDependencyTag).filter((each): each is KnownDependency => each !== undefined),
    bytes: bytes.length,
    codec: otherCodec ? `id ${entry.codecId}` : payloads.codec.name,
    leased,
    invalidationPending,
  };
}
