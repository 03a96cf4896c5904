// A server that is full, and evicts nothing, still refuses whoever has reached a limit.

import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createRateLimiter, rateLimitActions } from "../src/index.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
afterAll(() => redis.stop());

it("who is locked out stays so while the server is out of memory; the others are decided by the policy", async () => {
  const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "full" }).extend(
    rateLimitActions({ whenUnavailable: "open" }),
  );
  const hour = { limit: 2, window: "1h", whenUnavailable: "open" } as const;
  const one = createRateLimiter(cache, { hour }, { name: "one", denyCache: false });
  const two = createRateLimiter(
    cache,
    { hour, day: { ...hour, window: "1d" } },
    { name: "two", denyCache: false },
  );
  for (let i = 0; i < 2; i++) {
    await Promise.all([cache.checkRateLimit("ada", 2, "1h"), one.check("ada"), two.check("ada")]);
  }
  await redis.configSet("maxmemory", 1);
  try {
    // One by itself, and two in one turn.
    const refused = await Promise.all(["ada", "ada", "ada"].map((key) => cache.checkRateLimit(key, 2, "1h")));
    expect(refused.map(({ allowed, remaining }) => [allowed, remaining])).toEqual(
      refused.map(() => [false, 0]),
    );
    for (const limiter of [one, two]) {
      expect(await limiter.check("ada")).toMatchObject({ allowed: false, decidedBy: "store" });
      expect(await limiter.check("bob")).toMatchObject({ allowed: true, decidedBy: "policy" });
      // In the company of somebody for whom the server would have to write.
      const turn = await Promise.all(["bob", "ada", "eve", "ada"].map((user) => limiter.check(user)));
      expect(turn.map(({ allowed }) => allowed)).toEqual([true, false, true, false]);
    }
    const turn = ["bob", "ada", "eve", "ada"].map((key) => cache.checkRateLimit(key, 2, "1h"));
    expect((await Promise.all(turn)).map(({ allowed }) => allowed)).toEqual([true, false, true, false]);
    expect(await cache.checkRateLimit("bob", 2, "1h")).toMatchObject({ allowed: true });
  } finally {
    await redis.configSet("maxmemory", 0);
  }
  expect((await cache.getRateLimitInfo("ada", 2)).count).toBe(2);
  await cache.close();
});
