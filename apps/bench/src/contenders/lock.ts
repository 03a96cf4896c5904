import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { createLocks } from "@crm/cache-lock";
import { Redis as Redis5 } from "ioredis";
import type { Contender } from "../contender.ts";

/** How long anybody waits at most, in ms: longer than any run. */
const WAIT_MS = 120_000;
const TTL_MS = 60_000;

type RedlockClass = new (
  clients: readonly unknown[],
  settings: { readonly retryCount: number },
) => {
  on(event: "error", handler: () => void): unknown;
  acquire(resources: readonly string[], ttlMs: number): Promise<{ release(): Promise<unknown> }>;
};

const cacheParts = { set: () => Promise.reject(new Error("a lock stores nothing")) };

export const crmLock: Contender = {
  note: "this repository: `createLocks`, TTL 60 s, renewal on; deadlines raised to 2 s",
  open: async ({ port }) => {
    const store = redisStore({
      url: `redis://127.0.0.1:${port}`,
      commandTimeout: "2s",
      invalidationTimeout: "10s",
    });
    const cache = createCache({ store, namespace: "bench" });
    await cache.ready();
    const locks = createLocks(cache);
    return {
      ...cacheParts,
      acquireLock: async (name) => {
        const lock = await locks.acquire(name, { ttl: "60s", wait: "2m" });
        return () => lock.release();
      },
      close: async () => {
        await locks.close();
        await cache.close();
      },
    };
  },
};

export const redlockContender: Contender = {
  note: "redlock with its defaults (retry every 200 ms ± 100 ms), but without a limit of retries",
  open: async ({ port }) => {
    // Its `exports` name no types.
    const { default: Redlock } = (await import("redlock" as string)) as { default: RedlockClass };
    const redis = new Redis5({ port, host: "127.0.0.1" });
    await redis.ping();
    const redlock = new Redlock([redis], { retryCount: -1 });
    redlock.on("error", () => {});
    return {
      ...cacheParts,
      acquireLock: async (name) => {
        const lock = await redlock.acquire([name], TTL_MS);
        return () => lock.release();
      },
      close: async () => redis.disconnect(),
    };
  },
};

export const redisSemaphoreContender: Contender = {
  note: "redis-semaphore `Mutex` with its defaults (tries every 10 ms), but with a longer acquire timeout",
  open: async ({ port }) => {
    const { Mutex } = await import("redis-semaphore");
    const redis = new Redis5({ port, host: "127.0.0.1" });
    await redis.ping();
    return {
      ...cacheParts,
      acquireLock: async (name) => {
        const mutex = new Mutex(redis, name, { lockTimeout: TTL_MS, acquireTimeout: WAIT_MS });
        await mutex.acquire();
        return () => mutex.release();
      },
      close: async () => redis.disconnect(),
    };
  },
};
