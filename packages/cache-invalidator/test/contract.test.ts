import { memoryStore } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from "@crm/testkit";
import { afterAll, beforeAll, describe } from "vitest";
import { describeInvalidator } from "./support/invalidator-contract.ts";

const PATIENT = { commandTimeout: "5s", invalidationTimeout: "10s" } as const;

describeInvalidator("memory", () => memoryStore());

describe("on one server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  describeInvalidator("redis", () => redisStore({ url: redis.url, ...PATIENT }));
});

describe("on Sentinel", () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
  });
  afterAll(() => sentinel.stop());
  describeInvalidator("sentinel", () =>
    redisStore({ sentinels: sentinel.sentinelAddresses, name: sentinel.name, ...PATIENT }),
  );
});

describe("on a Cluster of three", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  describeInvalidator("cluster", () => redisStore({ nodes: cluster.startupNodes, ...PATIENT }));
});
