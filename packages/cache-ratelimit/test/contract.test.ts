import { memoryStore } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { createFakeClock } from "@crm/cache-core/testing";
import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeRateLimiter } from "../src/testing/index.ts";

const runner = { describe, it, expect, beforeEach, afterEach };
/** Patient: the machine may be busy with other suites, and what a deadline does is tested elsewhere. */
const PATIENT = { commandTimeout: "5s" } as const;

describeRateLimiter("memory", () => ({ store: memoryStore() }), runner);

describeRateLimiter(
  "memory on a fake clock",
  () => {
    const clock = createFakeClock();
    return { store: memoryStore({ clock }), clock, advance: (ms) => clock.advance(ms) };
  },
  runner,
);

describe("on one server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  describeRateLimiter("redis", () => ({ store: redisStore({ url: redis.url, ...PATIENT }) }), runner);
});
