import {
  commandStats,
  expectNoForeignKeys,
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
} from "@crm/testkit";
import type { Cluster, Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/redis/index.ts";
import { describeCacheStore } from "../src/testing/index.ts";

const runner = { describe, it, expect, beforeEach, afterEach };
/** Patient: the machine may be busy with other suites, and what a deadline does is tested elsewhere. */
const PATIENT = { commandTimeout: "5s", invalidationTimeout: "10s" } as const;
const REDIS = { scopeNames: 1_000 };

describe("on Sentinel", () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
  });
  afterAll(() => sentinel.stop());

  describeCacheStore(
    "sentinel",
    () => ({
      store: redisStore({ sentinels: sentinel.sentinelAddresses, name: sentinel.name, ...PATIENT }),
    }),
    runner,
    { scopeNames: 200 },
  );
});

describe("on a Cluster of three", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  describeCacheStore(
    "cluster",
    () => ({ store: redisStore({ nodes: cluster.startupNodes, ...PATIENT }) }),
    runner,
    REDIS,
  );

  it("no command met keys of two slots, none looked at all keys, and every node had its share", async () => {
    const clients = await Promise.all(cluster.nodes.map((node) => node.client()));
    for (const client of clients) {
      expect(await client.info("errorstats")).not.toContain("CROSSSLOT");
      const stats = await commandStats(client);
      expect(stats.get("keys")).toBe(undefined);
      expect(stats.get("evalsha")).toBeGreaterThan(1_000);
    }
  });

  it("nothing lies outside the namespaces of the suite", async () => {
    const client: Cluster = await cluster.client();
    await expectNoForeignKeys(
      { nodes: () => client.nodes("master") as unknown as Pick<Redis, "scan">[] } as never,
      "contract-",
    );
  });
});
