import { redisStore } from "@crm/cache-core/redis";
import {
  commandStats,
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
} from "@crm/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeRateLimiter } from "../src/testing/index.ts";

const runner = { describe, it, expect, beforeEach, afterEach };
/** Patient: the machine may be busy with other suites, and what a deadline does is tested elsewhere. */
const PATIENT = { commandTimeout: "5s" } as const;

describe("on Sentinel", () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
  });
  afterAll(() => sentinel.stop());
  describeRateLimiter(
    "sentinel",
    () => ({ store: redisStore({ sentinels: sentinel.sentinelAddresses, name: sentinel.name, ...PATIENT }) }),
    runner,
  );
});

describe("on a Cluster of three", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  describeRateLimiter(
    "cluster",
    () => ({ store: redisStore({ nodes: cluster.startupNodes, ...PATIENT }) }),
    runner,
  );

  it("no command met keys of two slots, none looked at all keys", async () => {
    for (const node of cluster.nodes) {
      const client = await node.client();
      expect(await client.info("errorstats")).not.toContain("CROSSSLOT");
      expect((await commandStats(client)).get("keys")).toBe(undefined);
    }
  });
});
