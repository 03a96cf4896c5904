import { Redis as Redis5 } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { type Contender, TTL_SECONDS } from "../contender.ts";

/** `GET` + `JSON.parse`, `JSON.stringify` + `SET PX`, and nothing else. */
export function rawIoredis(major: 5 | 6, enableAutoPipelining: boolean): Contender {
  return {
    note: `GET + JSON.parse, SET PX + JSON.stringify on ioredis ${major}${enableAutoPipelining ? ", auto-pipelined" : ""}`,
    open: async ({ port }) => {
      const Redis = major === 5 ? Redis5 : (Redis6 as unknown as typeof Redis5);
      const redis = new Redis({ port, host: "127.0.0.1", enableAutoPipelining });
      await redis.ping();
      return {
        get: async (key) => {
          const text = await redis.get(key);
          return text === null ? null : JSON.parse(text);
        },
        set: (key, value) => redis.set(key, JSON.stringify(value), "PX", TTL_SECONDS * 1000),
        getOrSet: async (key, fetcher) => {
          const text = await redis.get(key);
          if (text !== null) return JSON.parse(text);
          const value = await fetcher(key);
          await redis.set(key, JSON.stringify(value), "PX", TTL_SECONDS * 1000);
          return value;
        },
        del: (key) => redis.del(key),
        close: async () => redis.disconnect(),
      };
    },
  };
}
