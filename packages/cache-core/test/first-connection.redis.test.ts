// How long a call waits for a connection that is being made for the first time: as long as it may take at all.

import { startFaultProxy, startRedis } from "@crm/testkit";
import { expect, test } from "vitest";
import { createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

test("a read gives up after its own time, an invalidation after its longer one, and so neither where the server is slow to greet", async () => {
  await using redis = await startRedis();
  await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: redis.port } });
  proxy.blackHole();
  const cache = createCache({
    store: redisStore({ url: proxy.url, commandTimeout: "50ms", invalidationTimeout: "2s" }),
    memory: false,
  });
  const removal = cache.del("key");
  const asked = performance.now();
  expect(await cache.get("key")).toBeNull();
  expect(performance.now() - asked).toBeLessThan(1_000);
  await proxy.heal();
  expect(await removal).toBe(0);
  expect(await cache.set("key", "value")).toBe(true);
  await cache.close();
});
