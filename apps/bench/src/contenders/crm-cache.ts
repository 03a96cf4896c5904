import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type Contender, TTL_SECONDS } from "../contender.ts";

export const crmCache: Contender = {
  note: "this repository: redisStore, `memory: true` where the in-process tier is on; deadlines raised to 2 s, so that on a busy machine the cache is measured and not its breaker",
  open: async ({ port, memory }) => {
    const store = redisStore({
      url: `redis://127.0.0.1:${port}`,
      commandTimeout: "2s",
      invalidationTimeout: "10s",
    });
    const cache = createCache({ store, memory, namespace: "crm" });
    await cache.ready();
    const options = { ttl: TTL_SECONDS };
    return {
      get: (key) => cache.get(key),
      getOrSet: (key, fetcher, tags) =>
        cache.getOrSet(key, () => fetcher(key), tags ? { ttl: TTL_SECONDS, tags } : options),
      set: (key, value, tags) => cache.set(key, value, tags ? { ttl: TTL_SECONDS, tags } : options),
      setMany: async (entries) =>
        (await cache.setMany(entries.map((entry) => ({ ...entry, ttl: TTL_SECONDS })))) === entries.length,
      del: (key) => cache.del(key),
      getMany: (keys) => cache.getMany(keys),
      getOrSetMany: (keys, fetcher) =>
        cache.getOrSetMany(keys, async (missing) => Promise.all(missing.map(fetcher)), options),
      invalidateByTag: (tag) => cache.invalidateByTag(tag),
      invalidatePattern: (glob) => cache.invalidatePattern(glob),
      close: () => cache.close(),
    };
  },
};
