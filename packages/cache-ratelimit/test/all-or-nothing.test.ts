// Several limits are spent together or not at all. TRIALS sets how many calls there are; the full run is 100,000.

import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { seededRandom, startRedis } from "@crm/testkit";
import { expect, test } from "vitest";
import { type Algorithm, createRateLimiter, type RateLimitRule } from "../src/index.ts";

const TRIALS = Number(process.env.TRIALS ?? 6_000);
const SEED = process.env.TRIALS_SEED ?? String(Date.now() % 1_000_000);
const LANES = 32;
/** Long windows and no refill to speak of, so that what was spent can be added up. */
const COUNTED: readonly Algorithm[] = ["fixed-window", "sliding-log", "sliding-counter", "token-bucket"];

test(`0 of ${TRIALS} calls under one to eight limits spent a part (seed ${SEED})`, async () => {
  await using redis = await startRedis();
  const cache = createCache({
    store: redisStore({ url: redis.url, commandTimeout: "10s" }),
    namespace: "trials",
  });
  await cache.ready();
  const figures = { calls: 0, refused: 0, partial: 0 };
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const random = seededRandom(`${SEED}/${lane}`);
      for (let round = 0; figures.calls < TRIALS; round++) {
        const rules: Record<string, RateLimitRule> = {};
        const left: number[] = [];
        for (let rule = random.int(1, 8); rule > 0; rule--) {
          const limit = random.int(20, 60);
          left.push(limit);
          rules[`r${rule}`] = { limit, window: `${random.int(300, 400)}d`, algorithm: random.pick(COUNTED) };
        }
        const limiter = createRateLimiter(cache, rules, { name: `l${lane}.${round}`, denyCache: false });
        for (let call = 0; call < 40; call++) {
          const cost = random.int(1, 20);
          const fits = left.every((rest) => cost <= rest);
          const before = [...left];
          if (fits) for (let i = 0; i < left.length; i++) left[i] = (left[i] as number) - cost;
          const { allowed, violated, limits, retryAfter } = await limiter.check("u", { cost });
          figures.calls++;
          if (!allowed) figures.refused++;
          const names = Object.keys(rules).filter((_, i) => cost > (before[i] as number));
          const asCounted = limits.every(({ remaining }, i) => remaining === left[i]);
          const waits = limits.filter(({ name }) => violated.includes(name)).map((limit) => limit.retryAfter);
          const told = violated.join() === names.join() && retryAfter === Math.max(0, ...waits);
          if (allowed !== fits || !asCounted || !told) figures.partial++;
        }
      }
    }),
  );
  if (process.env.TRIALS_REPORT !== undefined)
    process.stderr.write(`${JSON.stringify({ seed: SEED, ...figures })}\n`);
  expect(figures.partial).toBe(0);
  expect(figures.refused).toBeGreaterThan(figures.calls / 10);
  await cache.close();
}, 3_600_000);

test("the control, one limiter a rule, spends a part", async () => {
  await using redis = await startRedis();
  const cache = createCache({
    store: redisStore({ url: redis.url, commandTimeout: "10s" }),
    namespace: "control",
  });
  await cache.ready();
  const [wide, narrow] = [100, 5].map((limit) =>
    createRateLimiter(cache, { r: { limit, window: "1h" } }, { name: `l${limit}`, denyCache: false }),
  );
  for (let call = 0; call < 50; call++) await Promise.all([wide?.check("u"), narrow?.check("u")]);
  // 5 calls passed both; the wide limit was spent by all 50.
  expect((await wide?.peek("u"))?.remaining).toBe(50);
  await cache.close();
});
