import { type Cache, type CacheEntry, cachified } from "@epic-web/cachified";
import { Redis } from "ioredis";
import { LRUCache } from "lru-cache";
import { type Contender, type FetchRecord, TTL_SECONDS } from "../contender.ts";

const ttl = TTL_SECONDS * 1000;

export const cachifiedContender: Contender = {
  note: "one store at a time through the adapters of its README: lru-cache where the in-process tier is on, else ioredis 5",
  open: async ({ port, memory }) => {
    const redis = memory ? undefined : new Redis({ port, host: "127.0.0.1" });
    await redis?.ping();
    const cache: Cache = redis
      ? {
          get: async (key) => {
            const text = await redis.get(key);
            return text === null ? null : JSON.parse(text);
          },
          set: (key, entry) => redis.set(key, JSON.stringify(entry), "PX", ttl),
          delete: (key) => redis.del(key),
        }
      : fromLru(new LRUCache<string, CacheEntry>({ max: 20_000 }));
    const miss: FetchRecord = async (key) => Promise.reject(new Error(`unexpected miss of ${key}`));
    return {
      get: (key) => cachified({ key, cache, ttl, getFreshValue: () => miss(key) }),
      getOrSet: (key, fetcher) => cachified({ key, cache, ttl, getFreshValue: () => fetcher(key) }),
      set: async (key, value) => cache.set(key, { value, metadata: { createdTime: Date.now(), ttl } }),
      del: async (key) => cache.delete(key),
      close: async () => redis?.disconnect(),
    };
  },
};

function fromLru(lru: LRUCache<string, CacheEntry>): Cache {
  return {
    get: (key) => lru.get(key),
    set: (key, entry) => lru.set(key, entry, { ttl }),
    delete: (key) => lru.delete(key),
  };
}
