import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis6";
import { type Contender, TTL_SECONDS } from "../contender.ts";

const RELEASE =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
const POLL_MS = 2;

export const rawLock: Contender = {
  note: "one promise a key in the process, SET NX lock across processes, losers poll GET every 2 ms",
  open: async ({ port }) => {
    const redis = new Redis({ port, host: "127.0.0.1" });
    await redis.ping();
    const flights = new Map<string, Promise<unknown>>();

    const read = async (key: string): Promise<unknown> => {
      const text = await redis.get(key);
      return text === null ? null : JSON.parse(text);
    };
    const fill = async (key: string, fetcher: (key: string) => Promise<unknown>): Promise<unknown> => {
      const token = randomUUID();
      for (;;) {
        const found = await read(key);
        if (found !== null) return found;
        if (await redis.set(`lock:${key}`, token, "PX", 3000, "NX")) break;
        await sleep(POLL_MS);
      }
      const value = await fetcher(key);
      await redis.set(key, JSON.stringify(value), "PX", TTL_SECONDS * 1000);
      await redis.eval(RELEASE, 1, `lock:${key}`, token);
      return value;
    };
    return {
      get: read,
      set: (key, value) => redis.set(key, JSON.stringify(value), "PX", TTL_SECONDS * 1000),
      getOrSet: (key, fetcher) => {
        let flight = flights.get(key);
        if (flight === undefined) {
          flight = fill(key, fetcher).finally(() => flights.delete(key));
          flights.set(key, flight);
        }
        return flight;
      },
      close: async () => redis.disconnect(),
    };
  },
};
