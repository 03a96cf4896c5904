// H7 and the server's own clock: set back by 5 s, it locks nobody out for more than 5 s longer, and allows no more than
// one burst; set back by a day, it locks nobody out for a day.

import { createCache, memoryStore } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { describe, expect, test } from "vitest";
import { type Algorithm, createRateLimiter } from "../src/index.ts";

const ALGORITHMS: readonly Algorithm[] = [
  "fixed-window",
  "sliding-log",
  "sliding-counter",
  "token-bucket",
  "gcra",
];
const LIMIT = 10;
const DAY_MS = 86_400_000;

/** Spends all, waits, sets the clock, and tells after how many ms a call fits again, and how many did at once. */
async function lockedOutMs(algorithm: Algorithm, windowMs: number, afterMs: number, stepMs: number) {
  const clock = createFakeClock();
  const cache = createCache({ store: memoryStore({ clock }), clock });
  const limiter = createRateLimiter(
    cache,
    { r: { limit: LIMIT, window: `${windowMs}ms`, algorithm } },
    { denyCache: false },
  );
  await limiter.check("u", { cost: LIMIT });
  clock.advanceSync(afterMs);
  clock.setWall(clock.wall() + stepMs);
  let atOnce = 0;
  while ((await limiter.check("u")).allowed) atOnce++;
  let ms = afterMs;
  for (; !(await limiter.peek("u", { cost: LIMIT })).allowed; ms += 10) clock.advanceSync(10);
  await cache.close();
  return { ms, atOnce };
}

describe.each(ALGORITHMS)("%s", (algorithm) => {
  test.each([
    [1_000, 400],
    [10_000, 3_000],
    [60_000, 59_000],
  ])("a window of %i ms, set back 5 s after %i ms", async (windowMs, afterMs) => {
    const usual = await lockedOutMs(algorithm, windowMs, afterMs, 0);
    const stepped = await lockedOutMs(algorithm, windowMs, afterMs, -5_000);
    // What a partial refill allowed at once starts a period of its own.
    expect(stepped.ms - usual.ms).toBeLessThanOrEqual(5_000);
    expect(stepped.atOnce).toBeLessThanOrEqual(LIMIT);
  });

  test("set back by a day: no longer than two windows", async () => {
    const { ms } = await lockedOutMs(algorithm, 2_000, 500, -DAY_MS);
    expect(ms).toBeLessThanOrEqual(500 + 2 * 2_000 + 10);
  });
});

test("a step of the client's clock changes nothing", async () => {
  const server = createFakeClock();
  const client = createFakeClock();
  const cache = createCache({ store: memoryStore({ clock: server }), clock: client });
  const limiter = createRateLimiter(cache, { r: { limit: 1, window: "10s" } });
  expect((await limiter.check("u")).allowed).toBe(true);
  client.setWall(client.wall() + 3_600_000);
  expect((await limiter.check("u")).allowed).toBe(false);
  client.setWall(client.wall() - 7_200_000);
  expect((await limiter.check("u")).retryAfter).toBe(10);
  await cache.close();
});
