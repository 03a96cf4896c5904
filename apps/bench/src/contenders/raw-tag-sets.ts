import { Redis } from "ioredis6";
import { type Contender, TTL_SECONDS } from "../contender.ts";

export const rawTagSets: Contender = {
  note: "a SET of keys for each tag, written beside the value without any atomicity; SMEMBERS + UNLINK",
  open: async ({ port }) => {
    const redis = new Redis({ port, host: "127.0.0.1", enableAutoPipelining: true });
    await redis.ping();
    return {
      get: async (key) => {
        const text = await redis.get(key);
        return text === null ? null : JSON.parse(text);
      },
      set: async (key, value, tags = []) => {
        const writes: Promise<unknown>[] = tags.map((tag) => redis.sadd(`tag:${tag}`, key));
        writes.push(redis.set(key, JSON.stringify(value), "PX", TTL_SECONDS * 1000));
        await Promise.all(writes);
      },
      invalidateByTag: async (tag) => {
        const keys = await redis.smembers(`tag:${tag}`);
        await redis.unlink(`tag:${tag}`, ...keys);
      },
      close: async () => redis.disconnect(),
    };
  },
};
