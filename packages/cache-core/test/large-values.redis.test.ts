// A large value holds up its own answer and all behind it. That is no silence: neither is it refused, nor are others.

import { isDeepStrictEqual } from "node:util";
import { startFaultProxy, startRedis } from "@crm/testkit";
import { expect, test } from "vitest";
import { createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

/** So many bytes of rows. */
function rowsOf(bytes: number): string[] {
  return Array.from({ length: bytes / 1024 }, (_, n) => String(n).padStart(1021, "x"));
}

test("values of 1 to 3 MB are written, filled and read, and small ones beside them", async () => {
  await using redis = await startRedis();
  const store = redisStore({ url: redis.url });
  const cache = createCache({ store, memory: false });
  await cache.set("small", "value");
  const refusals: boolean[] = [];
  const off = store.onAvailability((available) => refusals.push(available));
  for (const megabytes of [1, 2, 3]) {
    for (let round = 0; round < 3; round++) {
      const rows = rowsOf(megabytes * 1024 * 1024);
      const [, found] = await Promise.all([cache.set(`rows:${megabytes}`, rows), cache.get("small")]);
      expect(found).toBe("value");
      expect(isDeepStrictEqual(await cache.get(`rows:${megabytes}`), rows)).toBe(true);
      await cache.getOrSet(`filled:${megabytes}:${round}`, () => rows);
      expect(isDeepStrictEqual(await cache.get(`filled:${megabytes}:${round}`), rows)).toBe(true);
    }
  }
  off();
  expect(refusals).toEqual([]);
  await cache.close();
});

test("a peer that is gone takes no more than its buffers hold: a large write ends, and small calls are refused soon", async () => {
  await using redis = await startRedis();
  await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: redis.port } });
  const cache = createCache({ store: redisStore({ url: `redis://127.0.0.1:${proxy.port}` }), memory: false });
  await cache.set("small", "value");
  const rows = rowsOf(8 * 1024 * 1024);
  // Once while all is well, so that what is measured is not the first encoding.
  await cache.set("rows", rows);
  await cache.del("rows");
  proxy.blackHole();
  const began = performance.now();
  const value = await cache.getOrSet("rows", () => rows);
  expect(value === rows).toBe(true);
  expect(performance.now() - began).toBeLessThan(1_000);
  const asked = performance.now();
  expect(await cache.get("small")).toBeNull();
  expect(performance.now() - asked).toBeLessThan(100);
  await proxy.heal();
  await cache.close();
});
