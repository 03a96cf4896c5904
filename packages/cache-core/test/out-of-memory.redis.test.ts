// A server that is full, and evicts nothing, stores nothing more; what is there can still be removed.

import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

describe("invalidations on a server that is out of memory", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
  });
  afterAll(() => redis.stop());

  const invalidations: [name: string, expected: number, run: (cache: Cache) => Promise<number>][] = [
    ["by key", 1, (cache) => cache.del("k:0")],
    ["by tag", 2, (cache) => cache.invalidateByTag("even")],
    ["by tag, softly", 2, (cache) => cache.invalidateByTag("even", { soft: true })],
    ["by pattern", 4, (cache) => cache.invalidatePattern("k:*")],
    ["by pattern, softly", 4, (cache) => cache.invalidatePattern("k:*", { soft: true })],
    ["of all", 4, (cache) => cache.clear()],
  ];

  it.each(
    invalidations.flatMap(([name, ...rest]) => [false, true].map((lost) => [name, lost, ...rest] as const)),
  )("%s, when the index was lost: %s", async (name, lost, expected, run) => {
    const namespace = `full-${name.replace(/\W+/g, "-")}-${lost}`;
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace });
    await cache.ready();
    for (let n = 0; n < 4; n++) {
      expect(await cache.set(`k:${n}`, n, { ttl: 60, tags: [n % 2 === 0 ? "even" : "odd"] })).toBe(true);
    }
    const admin = await redis.client();
    if (lost) expect(await admin.del(`${namespace}:1i`)).toBe(1);
    await redis.configSet("maxmemory", 1);
    try {
      expect(await cache.set("more", 1, 60)).toBe(false);
      expect(await run(cache)).toBe(expected);
      expect(await cache.get("k:0")).toBe(null);
    } finally {
      await redis.configSet("maxmemory", 0);
      await cache.close();
    }
  });
});
