// What a call costs the server: one script, whatever the number of limits; for a refused subject, nothing.

import { type Cache, createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  type CommandStats,
  commandStats,
  diffCommandStats,
  type RedisServer,
  startRedis,
} from "@crm/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createRateLimiter } from "../src/index.ts";
import { adjustLimits } from "../src/scripts/adjust-limits.ts";
import { cancelPlace } from "../src/scripts/cancel-place.ts";
import { checkLimits } from "../src/scripts/check-limits.ts";
import { checkRecordCalls } from "../src/scripts/check-record-calls.ts";
import { checkWindow } from "../src/scripts/check-window.ts";
import { checkWindowCalls } from "../src/scripts/check-window-calls.ts";
import { countHit, countHits } from "../src/scripts/count-hits.ts";
import { reservePlace } from "../src/scripts/reserve-place.ts";

/** A fifth of what is promised on a machine with a free core; the full run is 1,000,000. */
const DENIALS_PER_SECOND = Number(process.env.DENIALS_PER_SECOND ?? 200_000);

let redis: RedisServer;
let cache: Cache;
beforeAll(async () => {
  redis = await startRedis();
  cache = createCache({ store: redisStore({ url: redis.url, commandTimeout: "5s" }), namespace: "cost" });
  await cache.ready();
});
afterAll(async () => {
  await cache.close();
  await redis.stop();
});

async function scriptsDuring(work: () => Promise<unknown>): Promise<number> {
  const client = await redis.client();
  const before: CommandStats = await commandStats(client);
  await work();
  const spent = diffCommandStats(before, await commandStats(client));
  return (spent.get("evalsha") ?? 0) + (spent.get("eval") ?? 0);
}

const HOUR = { limit: 100_000, window: "1h" } as const;

it("one call is one script, with one limit or four; 64 calls of one turn are five", async () => {
  const one = createRateLimiter(cache, { a: HOUR }, { name: "one" });
  const four = createRateLimiter(cache, { a: HOUR, b: HOUR, c: HOUR, d: HOUR }, { name: "four" });
  // A script is sent in full once; windows and records have their own, and one window has another.
  await one.check("warm");
  await four.check("warm");
  for (const limiter of [one, four])
    await Promise.all(["a", "b", "c"].map((subject) => limiter.check(subject)));
  await one.refund("warm");
  expect(await scriptsDuring(() => one.check("u"))).toBe(1);
  expect(await scriptsDuring(() => four.check("u"))).toBe(1);
  const many = Array.from({ length: 64 }, (_, i) => `u${i}`);
  // The first is sent at once, by itself.
  expect(await scriptsDuring(() => Promise.all(many.map((subject) => four.check(subject))))).toBe(5);
  expect(await scriptsDuring(() => Promise.all(many.map((subject) => one.check(subject))))).toBe(5);
  expect(await scriptsDuring(() => four.refund("u"))).toBe(1);
});

it(`a refused subject costs no command, ${DENIALS_PER_SECOND.toLocaleString("en")} times a second at least`, async () => {
  const limiter = createRateLimiter(cache, { a: { limit: 1, window: "1h" } }, { name: "hot" });
  await limiter.check("hot");
  await limiter.check("hot");
  let best = 0;
  const scripts = await scriptsDuring(async () => {
    // Until it is compiled; a busy machine takes its time.
    for (let round = 0; round < 40 && best < DENIALS_PER_SECOND; round++) {
      const began = performance.now();
      let denied = 0;
      while (performance.now() - began < 100) {
        for (let i = 0; i < 1_000; i++) if (!(await limiter.check("hot")).allowed) denied++;
      }
      best = Math.max(best, denied / ((performance.now() - began) / 1000));
    }
  });
  if (process.env.COST_REPORT !== undefined)
    process.stderr.write(`${Math.round(best).toLocaleString("en")} denials/s\n`);
  expect(scripts).toBe(0);
  expect(best).toBeGreaterThan(DENIALS_PER_SECOND);
});

it("waiting polls nothing: a place is one script, taken or left, however long it lasts", async () => {
  const limiter = createRateLimiter(
    cache,
    { a: { limit: 1, window: "200ms", algorithm: "gcra" } },
    { name: "wait" },
  );
  await limiter.acquire("u");
  await limiter.acquire("warm");
  const scripts = await scriptsDuring(async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => limiter.acquire("u")));
    expect(results.every(({ allowed }) => allowed)).toBe(true);
  });
  expect(scripts).toBe(4);
  await limiter.close();
});

it("H23 scripts have no first line that a stock Redis 7.0 refuses", () => {
  for (const { lua } of [
    checkLimits,
    checkWindow,
    checkRecordCalls,
    countHit,
    countHits,
    checkWindowCalls,
    adjustLimits,
    reservePlace,
    cancelPlace,
  ])
    expect(lua.startsWith("#!")).toBe(false);
});
