import { Redis } from "ioredis";
import { RedisStore } from "rate-limit-redis";
import type { Contender } from "../contender.ts";

export const rateLimitRedis: Contender = {
  note: "`increment` of its store, over ioredis 5 as its README has it; it compares with the limit outside of Redis",
  open: async ({ port }) => {
    const client = new Redis({ port, host: "127.0.0.1" });
    await client.ping();
    const store = new RedisStore({
      sendCommand: (command: string, ...args: string[]) => client.call(command, ...args) as Promise<never>,
    });
    store.init({ windowMs: 3_600_000 } as Parameters<typeof store.init>[0]);
    return {
      set: async () => {},
      limit: async (key) => (await store.increment(key)).totalHits <= 1_000_000_000,
      close: async () => client.disconnect(),
    };
  },
};
