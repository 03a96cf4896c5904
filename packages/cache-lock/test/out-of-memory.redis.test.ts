// A server that is full, and evicts nothing, takes no lock away: what a renewal writes is there already.

import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLocks, lockActions } from "../src/index.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
afterAll(() => redis.stop());

it("who holds a lock keeps it while the server is out of memory, and nobody takes one", async () => {
  const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "full" }).extend(
    lockActions(),
  );
  const locks = createLocks(cache);
  const held = await locks.acquire("held");
  const value = (await cache.acquireLock("by hand", 30))!;
  const reading = await locks.readWrite("prices").read.acquire();
  await redis.configSet("maxmemory", 1);
  try {
    expect([await held.extend("1m"), await reading.extend("1m")]).toEqual([true, true]);
    expect(await cache.extendLock("by hand", value, 60)).toBe(true);
    await expect(locks.acquire("another", { wait: 0 })).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    expect([await held.release(), await reading.release()]).toEqual([true, true]);
    expect(await cache.releaseLock("by hand", value)).toBe(true);
  } finally {
    await redis.configSet("maxmemory", 0);
    await locks.close();
    await cache.close();
  }
});
