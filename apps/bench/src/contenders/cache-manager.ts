import { createKeyv } from "@keyv/redis";
import { createCache } from "cache-manager";
import { KeyvCacheableMemory } from "cacheable";
import { Keyv } from "keyv";
import { type Contender, TTL_SECONDS } from "../contender.ts";

export const cacheManager: Contender = {
  note: "stores: [@keyv/redis] (node-redis), behind KeyvCacheableMemory where the in-process tier is on",
  open: async ({ port, memory }) => {
    const redis = createKeyv(`redis://127.0.0.1:${port}`);
    const l1 = new Keyv({ store: new KeyvCacheableMemory({ lruSize: 20_000 }) });
    const cache = createCache({ stores: memory ? [l1, redis] : [redis], ttl: TTL_SECONDS * 1000 });
    await cache.get("ready");
    return {
      get: (key) => cache.get(key),
      getOrSet: (key, fetcher) => cache.wrap(key, () => fetcher(key)),
      set: (key, value) => cache.set(key, value),
      del: (key) => cache.del(key),
      getMany: (keys) => cache.mget([...keys]),
      close: async () => {
        await cache.disconnect();
      },
    };
  },
};
