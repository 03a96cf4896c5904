import type { Cache } from "@crm/cache-core";
import { createRateLimiter, type RateLimitResult, rateLimitActions } from "./index.ts";

declare const cache: Cache;

const limiter = createRateLimiter(cache, {
  minute: { limit: 1, window: "1m" },
  hour: { limit: () => 2, window: 3_600, algorithm: "gcra", burst: 3 },
});

const result: RateLimitResult<"minute" | "hour"> = await limiter.check("u", { cost: 2, limits: { hour: 3 } });
export const violated: readonly ("minute" | "hour")[] = result.violated;
export const waited: number = (await limiter.acquire("u")).waited;

// @ts-expect-error: there is no such rule.
await limiter.check("u", { limits: { day: 1 } });
// @ts-expect-error: a window has a unit.
createRateLimiter(cache, { r: { limit: 1, window: "1 minute" } });
// @ts-expect-error: there is no such algorithm.
createRateLimiter(cache, { r: { limit: 1, window: 1, algorithm: "leaky" } });
// @ts-expect-error: a limit is needed.
createRateLimiter(cache, { r: { window: 1 } });

const extended = cache.extend(rateLimitActions());
const check: { allowed: boolean; remaining: number; resetIn: number } = await extended.checkRateLimit(
  "k",
  1,
  60,
);
const info: { count: number; remaining: number; resetIn: number } = await extended.getRateLimitInfo("k", 1);
export const answers: readonly [object, object] = [check, info];
// @ts-expect-error: what was spent is told by getRateLimitInfo.
check.count;
