import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { createRateLimiter, type RateLimitRule, rateLimitActions } from "@crm/cache-ratelimit";
import type { Contender } from "../contender.ts";

const LIMIT = 1_000_000_000;
const HOUR: RateLimitRule = { limit: LIMIT, window: "1h" };

export const crmRatelimit: Contender = {
  note: "this repository: `cache.checkRateLimit` for one limit, `createRateLimiter` for one rule, for four limits and for GCRA; the deadline raised to 2 s",
  open: async ({ port }) => {
    const store = redisStore({ url: `redis://127.0.0.1:${port}`, commandTimeout: "2s" });
    const cache = createCache({ store, namespace: "crm" }).extend(rateLimitActions());
    await cache.ready();
    const one = createRateLimiter(cache, { a: HOUR }, { name: "one" });
    const four = createRateLimiter(cache, { a: HOUR, b: HOUR, c: HOUR, d: HOUR }, { name: "four" });
    const smooth = createRateLimiter(
      cache,
      { a: { ...HOUR, limit: 1_000_000, algorithm: "gcra" } },
      { name: "smooth" },
    );
    const strict = createRateLimiter(cache, { a: { ...HOUR, limit: 1 } }, { name: "strict" });
    await strict.check("hot");
    await strict.check("hot");
    return {
      set: async () => {},
      limit: async (key, limits) =>
        limits === 1
          ? (await cache.checkRateLimit(key, LIMIT, 3600)).allowed
          : (await four.check(key)).allowed,
      limitByRule: async (key) => (await one.check(key)).allowed,
      limitSmoothly: async (key) => (await smooth.check(key)).allowed,
      denied: async () => (await strict.check("hot")).allowed,
      close: () => cache.close(),
    };
  },
};
