import { memoryStore } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  commandStats,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeOn } from "./support/suite.ts";
import * as chapters from "./support/warming-chapters.ts";

/** Patient: the machine may be busy with other suites, and what a deadline does is tested elsewhere. */
const PATIENT = { commandTimeout: "5s", invalidationTimeout: "10s" } as const;

describeOn("memory", () => memoryStore(), chapters);

describeOn(
  "memory with a delay before every call",
  () => memoryStore({ turn: () => new Promise((resolve) => setTimeout(resolve, Math.random() * 2)) }),
  chapters,
);

describe("on one server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  describeOn("redis", () => redisStore({ url: redis.url, ...PATIENT }), chapters);
});

describe("on Sentinel", () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
  });
  afterAll(() => sentinel.stop());
  describeOn(
    "sentinel",
    () => redisStore({ sentinels: sentinel.sentinelAddresses, name: sentinel.name, ...PATIENT }),
    chapters,
  );
});

describe("on a Cluster of three", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  describeOn("cluster", () => redisStore({ nodes: cluster.startupNodes, ...PATIENT }), chapters);

  it("no command met keys of two slots, none looked at all keys, and every key has an expiry", async () => {
    for (const node of cluster.nodes) {
      const client = await node.client();
      expect(await client.info("errorstats")).not.toContain("CROSSSLOT");
      expect((await commandStats(client)).get("keys")).toBe(undefined);
      for (const key of await client.keys("warm-*")) expect(await client.pttl(key), key).not.toBe(-1);
      client.disconnect();
    }
  });
});
