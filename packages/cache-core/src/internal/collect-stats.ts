import type { CacheStats } from "../cache.ts";
import type { Shared } from "./shared.ts";

/** The figures of a cache or scope. Never rejects: what the server does not tell is 0. */
export async function collectStats(shared: Shared, prefix: string): Promise<CacheStats> {
  const { store, access, counters, fills, pending, tier, warnings } = shared;
  const [info, keys] = await Promise.all([
    store.info().catch(() => null),
    countKeys(access, prefix).catch(() => 0),
  ]);
  const { hits, misses, staleServed } = counters;
  return {
    connected: info?.connected ?? false,
    memory: megabytes(info?.usedMemoryBytes ?? 0),
    clients: info?.clients ?? 0,
    keys,
    hits,
    misses,
    hitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
    staleServed,
    fetches: fills.fetches,
    revokedFills: fills.revoked,
    pendingInvalidations: pending.size,
    evictionPolicy: info?.evictionPolicy ?? null,
    warnings: [...warnings.values()],
    l1:
      tier === null
        ? null
        : {
            ...tier.stats(),
            hits: tier.hits,
            misses: tier.misses,
            coherent: tier.coherent,
            flushes: tier.flushes,
          },
  };
}

/** Live entries of a scope and of the scopes inside it. */
async function countKeys(access: Shared["access"], prefix: string): Promise<number> {
  if (prefix === "") return access.listing.count("", true);
  const inner = `${prefix.slice(0, -1)}\u001e`;
  const counts = await Promise.all([access.listing.count(prefix, true), access.listing.count(inner, true)]);
  return counts[0] + counts[1];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)}MB`;
}
