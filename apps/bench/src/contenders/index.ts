import type { Contender } from "../contender.ts";

/** Loaded on demand: a child process holds the one library that it measures. */
export const CONTENDERS: Readonly<Record<string, () => Promise<Contender>>> = {
  "crm-cache": async () => (await import("./crm-cache.ts")).crmCache,
  "lru-cache": async () => (await import("./lru-cache.ts")).lruCache,
  "lru-cache awaited": async () => (await import("./lru-cache.ts")).lruCacheAwaited,
  "raw ioredis 5": async () => (await import("./raw-ioredis.ts")).rawIoredis(5, false),
  "raw ioredis 5 autopipelined": async () => (await import("./raw-ioredis.ts")).rawIoredis(5, true),
  "raw ioredis 6": async () => (await import("./raw-ioredis.ts")).rawIoredis(6, false),
  "raw ioredis 6 autopipelined": async () => (await import("./raw-ioredis.ts")).rawIoredis(6, true),
  "crm-cache lock": async () => (await import("./lock.ts")).crmLock,
  "redlock lock": async () => (await import("./lock.ts")).redlockContender,
  "redis-semaphore lock": async () => (await import("./lock.ts")).redisSemaphoreContender,
  "raw lock": async () => (await import("./raw-lock.ts")).rawLock,
  "raw tag sets": async () => (await import("./raw-tag-sets.ts")).rawTagSets,
  "raw SCAN": async () => (await import("./raw-scan.ts")).rawScan,
  "async-cache-dedupe": async () => (await import("./async-cache-dedupe.ts")).asyncCacheDedupe,
  bentocache: async () => (await import("./bentocache.ts")).bentocache(true),
  "bentocache unserialized": async () => (await import("./bentocache.ts")).bentocache(false),
  "cache-manager": async () => (await import("./cache-manager.ts")).cacheManager,
  cacheable: async () => (await import("./cacheable.ts")).cacheable(true),
  "cacheable uncloned": async () => (await import("./cacheable.ts")).cacheable(false),
  cachified: async () => (await import("./cachified.ts")).cachifiedContender,
  "crm-ratelimit": async () => (await import("./crm-ratelimit.ts")).crmRatelimit,
  "rate-limit-redis": async () => (await import("./rate-limit-redis.ts")).rateLimitRedis,
  "rate-limiter-flexible": async () => (await import("./rate-limiter-flexible.ts")).rateLimiterFlexible,
  "@upstash/ratelimit scripts": async () => (await import("./upstash-ratelimit.ts")).upstashRatelimit,
};
