import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { memoryStore } from "../src/memory-store.ts";
import { redisStore } from "../src/redis/index.ts";
import { createFakeClock, describeCacheStore } from "../src/testing/index.ts";

const runner = { describe, it, expect, beforeEach, afterEach };
/** Patient: the machine may be busy with other suites, and what a deadline does is tested elsewhere. */
const PATIENT = { commandTimeout: "5s", invalidationTimeout: "10s" } as const;
const REDIS = { scopeNames: 1_000 };

describeCacheStore("memory", () => ({ store: memoryStore() }), runner);

describeCacheStore(
  "memory on a fake clock",
  () => {
    const clock = createFakeClock();
    return { store: memoryStore({ clock }), clock, advance: (ms) => clock.advance(ms) };
  },
  runner,
  REDIS,
);

describeCacheStore(
  "memory with a delay before every call",
  () => ({
    store: memoryStore({ turn: () => new Promise((resolve) => setTimeout(resolve, Math.random() * 2)) }),
  }),
  runner,
  { scopeNames: 500 },
);

describe("on one server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  describeCacheStore("redis", () => ({ store: redisStore({ url: redis.url, ...PATIENT }) }), runner, REDIS);

  describeCacheStore(
    "redis by a client of the caller's",
    async () => {
      const client = await redis.client();
      return {
        store: redisStore({ client, ...PATIENT }),
        cleanup() {
          expect(client.status, "a client that the caller made stays open").toBe("ready");
          client.disconnect();
        },
      };
    },
    runner,
    { scopeNames: 200 },
  );
});
