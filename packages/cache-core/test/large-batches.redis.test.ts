// Batches larger than one script may be: a script's tables are bounded, and so is what a call may wait behind others.

import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCache, memoryStore, type Store } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const ENTRIES = 10_000;
const KEYS = Array.from({ length: ENTRIES }, (_, i) => `companies:${i}`);

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

it(`setMany stores ${ENTRIES.toLocaleString("en")} entries with their tags, and invalidations find them all`, async () => {
  const store = redisStore({ url: redis.url, commandTimeout: "2s", invalidationTimeout: "10s" });
  const cache = createCache({ store, namespace: "large" });
  const tagsOf = (i: number): string[] => ["all", `seventh:${i % 7}`];
  expect(await cache.setMany(KEYS.map((key, i) => ({ key, value: i, tags: tagsOf(i) })))).toBe(ENTRIES);
  expect(await cache.getMany(KEYS)).toEqual(KEYS.map((_, i) => i));
  expect(await cache.invalidateByTag("seventh:3")).toBe(KEYS.filter((_, i) => i % 7 === 3).length);
  expect(await cache.del(...KEYS.slice(0, 4_900))).toBe(4_200);
  expect(await cache.invalidateByTag("all")).toBe(ENTRIES - 4_900 - 729);

  // As many tags as an entry may have, all different.
  const rich = KEYS.slice(0, 200);
  const many = (key: string): string[] => Array.from({ length: 64 }, (_, n) => `${key}/${n}`);
  expect(await cache.setMany(rich.map((key) => ({ key, value: 1, tags: many(key) })))).toBe(rich.length);
  expect(await cache.invalidateByTag("companies:199/63")).toBe(1);
  expect(await cache.clear()).toBe(rich.length - 1);

  // Of several values for one key the last is stored, on whichever page.
  const twice = [...KEYS.map((key) => ({ key, value: "first" })), { key: "companies:5", value: "last" }];
  expect(await cache.setMany(twice)).toBe(ENTRIES + 1);
  expect(await cache.getMany(["companies:5", "companies:6"])).toEqual(["last", "first"]);
  await cache.close();
});

it("a large batch has few scripts under way at once, so that none waits long behind the others", async () => {
  let underWay = 0;
  let most = 0;
  const slow = memoryStore({ turn: () => new Promise((resolve) => setTimeout(resolve, 1)) });
  const store = new Proxy(slow, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== "function") return member;
      if (name !== "run") return member.bind(target);
      return async (...call: Parameters<Store["run"]>) => {
        most = Math.max(most, ++underWay);
        try {
          return await target.run(...call);
        } finally {
          underWay--;
        }
      };
    },
  });
  const cache = createCache({ store, namespace: "large" });
  const keys = KEYS.slice(0, 2_000);
  await cache.getOrSetMany(keys, async (asked) => [...asked], 60);
  expect((await cache.getMany(keys)).every((value) => value !== null)).toBe(true);
  await cache.setMany(keys.map((key) => ({ key, value: 1 })));
  await cache.del(...keys);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(16);
  await cache.close();
});
