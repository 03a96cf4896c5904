import { createKeyv } from "@keyv/redis";
import { Cacheable, createKeyv as createMemoryKeyv } from "cacheable";
import { type Contender, TTL_SECONDS } from "../contender.ts";

export function cacheable(useClone: boolean): Contender {
  return {
    note: `memory + @keyv/redis (node-redis) where the in-process tier is on, else @keyv/redis only${useClone ? "" : "; memory with useClone: false"}; getOrSet takes no tags`,
    open: async ({ port, memory, tags }) => {
      const redis = createKeyv(`redis://127.0.0.1:${port}`);
      const ttl = TTL_SECONDS * 1000;
      const cache = new Cacheable(
        memory
          ? { primary: createMemoryKeyv({ lruSize: 20_000, useClone }), secondary: redis, tags, ttl }
          : { primary: redis, tags, ttl },
      );
      await cache.get("ready");
      return {
        get: (key) => cache.get(key),
        getOrSet: (key, fetcher) => cache.getOrSet(key, () => fetcher(key)),
        set: (key, value, entryTags) =>
          cache.set(key, value, { ttl, ...(entryTags && { tags: [...entryTags] }) }),
        del: (key) => cache.delete(key),
        getMany: (keys) => cache.getMany([...keys]),
        invalidateByTag: (tag) => cache.tags.invalidateTag(tag),
        close: () => cache.disconnect(),
      };
    },
  };
}
