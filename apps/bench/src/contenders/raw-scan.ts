import { Redis } from "ioredis6";
import { type Contender, TTL_SECONDS } from "../contender.ts";

export const rawScan: Contender = {
  note: "SCAN MATCH COUNT 1000 over the whole keyspace + UNLINK",
  open: async ({ port }) => {
    const redis = new Redis({ port, host: "127.0.0.1", enableAutoPipelining: true });
    await redis.ping();
    return {
      get: async (key) => {
        const text = await redis.get(key);
        return text === null ? null : JSON.parse(text);
      },
      set: (key, value) => redis.set(key, JSON.stringify(value), "PX", TTL_SECONDS * 1000),
      invalidatePattern: async (glob) => {
        let cursor = "0";
        do {
          const [next, keys] = await redis.scan(cursor, "MATCH", glob, "COUNT", 1000);
          if (keys.length > 0) await redis.unlink(...keys);
          cursor = next;
        } while (cursor !== "0");
      },
      close: async () => redis.disconnect(),
    };
  },
};
