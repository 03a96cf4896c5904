import { LRUCache } from "lru-cache";
import { type Contender, type OpenCache, TTL_SECONDS } from "../contender.ts";

const open = () => new LRUCache<string, object>({ max: 20_000, ttl: TTL_SECONDS * 1000 });

function common(lru: LRUCache<string, object>): Pick<OpenCache, "set" | "close"> {
  return {
    set: async (key, value) => lru.set(key, value as object),
    close: async () => lru.clear(),
  };
}

export const lruCache: Contender = {
  note: "`get` with a TTL, called synchronously: what any in-process tier could reach at most",
  open: async () => {
    const lru = open();
    return { ...common(lru), get: (key) => lru.get(key) };
  },
};

export const lruCacheAwaited: Contender = {
  note: "the same `get` behind one async function: the floor of any promise API",
  open: async () => {
    const lru = open();
    return { ...common(lru), get: async (key) => lru.get(key) };
  },
};
