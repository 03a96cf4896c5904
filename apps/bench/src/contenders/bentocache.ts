import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis";
import { Redis } from "ioredis";
import { type Contender, TTL_SECONDS } from "../contender.ts";

export function bentocache(serialize: boolean): Contender {
  const memoryOptions = serialize ? { maxItems: 20_000 } : { maxItems: 20_000, serialize: false as const };
  return {
    note: `memory + Redis + bus where the in-process tier is on, else Redis only (ioredis 5)${serialize ? "" : "; memoryDriver({ serialize: false })"}`,
    open: async ({ port, memory }) => {
      const redis = new Redis({ port, host: "127.0.0.1" });
      await redis.ping();
      const l2 = bentostore().useL2Layer(redisDriver({ connection: redis }));
      const store = memory
        ? l2.useL1Layer(memoryDriver(memoryOptions)).useBus(redisBusDriver({ connection: redis }))
        : l2;
      const cache = new BentoCache({ default: "crm", stores: { crm: store } });
      const ttl = TTL_SECONDS * 1000;
      return {
        get: (key) => cache.get({ key }),
        getOrSet: (key, fetcher, tags) =>
          cache.getOrSet({ key, ttl, factory: () => fetcher(key), ...(tags && { tags: [...tags] }) }),
        set: (key, value, tags) => cache.set({ key, value, ttl, ...(tags && { tags: [...tags] }) }),
        del: (key) => cache.delete({ key }),
        invalidateByTag: (tag) => cache.deleteByTag({ tags: [tag] }),
        close: () => cache.disconnectAll(),
      };
    },
  };
}
