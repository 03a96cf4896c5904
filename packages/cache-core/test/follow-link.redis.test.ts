// The link of the in-process tier to a Cluster. ioredis forgets nodes whose connections end, and finds them again when a
// command needs one, or after 5 seconds.

import { startRedisCluster } from "@crm/testkit";
import { expect, it } from "vitest";
import { type RedisLike, redisStore } from "../src/redis/index.ts";

it("a follower reaches the node of its stream although the client has forgotten it", async () => {
  await using cluster = await startRedisCluster({ nodeTimeoutMs: 20_000 });
  const client = await cluster.client({ slotsRefreshInterval: 60_000 });
  const { port } = await cluster.nodeOf("n:1b");
  const owner = client.nodes("master").find((node) => node.options.port === port);
  owner?.disconnect();
  while (client.nodes("master").length === 3) await new Promise((resolve) => setTimeout(resolve, 1));
  const store = redisStore({ client: client as unknown as RedisLike });
  const began = performance.now();
  const follower = store.follow("n:1b", { onEntries() {}, onGap() {} }, { maxSilenceMs: 1_000 });
  await follower.started;
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(follower.aliveUntil).toBeGreaterThan(performance.now());
  await follower.stop();
  await store.close();
});
