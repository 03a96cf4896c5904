import { createCache } from "async-cache-dedupe";
import { Redis } from "ioredis";
import { type Contender, type FetchRecord, TTL_SECONDS } from "../contender.ts";

export const asyncCacheDedupe: Contender = {
  note: "one storage at a time: memory where the in-process tier is on, else Redis (ioredis 5); read-through only",
  open: async ({ port, memory, tags }) => {
    const invalidation = tags ? { referencesTTL: TTL_SECONDS } : false;
    const redis = memory ? undefined : new Redis({ port, host: "127.0.0.1" });
    await redis?.ping();
    const cache = createCache({
      ttl: TTL_SECONDS,
      storage: redis
        ? { type: "redis", options: { client: redis, invalidation } }
        : { type: "memory", options: { size: 20_000, invalidation: tags } },
    });
    // The fetcher is part of the definition, so the one of the call is handed over on the side.
    let source: FetchRecord = async (key) => Promise.reject(new Error(`unexpected miss of ${key}`));
    const tagsOf = new Map<string, readonly string[]>();
    const defined = cache.define(
      "read",
      tags ? { references: (key: string) => [...(tagsOf.get(key) ?? [])] } : {},
      (key: string) => source(key),
    );
    return {
      get: (key) => defined.read(key),
      getOrSet: (key, fetcher, entryTags) => {
        source = fetcher;
        if (entryTags) tagsOf.set(key, entryTags);
        return defined.read(key);
      },
      set: (key, value, entryTags = []) =>
        cache.set("read", `read~${key}`, value, TTL_SECONDS, [...entryTags]),
      del: (key) => cache.clear("read", key),
      invalidateByTag: (tag) => cache.invalidateAll(tag),
      close: async () => redis?.disconnect(),
    };
  },
};
