// What each algorithm declares as its worst count in a rolling window, against a caller who knows it: one hit to open a
// window, the rest at its end, then as much as is allowed, at every ms.

import { createCache, memoryStore } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { expect, test } from "vitest";
import { type Algorithm, createRateLimiter, worstCase } from "../src/index.ts";

interface Trial {
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst?: number | undefined;
  readonly maxHits?: number | undefined;
  /** What the adversary reaches, at least. */
  readonly reached: number;
}

const TRIALS: readonly Trial[] = [
  { algorithm: "fixed-window", limit: 100, windowMs: 600, reached: 199 },
  { algorithm: "fixed-window", limit: 1, windowMs: 50, reached: 1 },
  { algorithm: "sliding-log", limit: 100, windowMs: 600, reached: 100 },
  { algorithm: "sliding-log", limit: 100, windowMs: 600, maxHits: 7, reached: 100 },
  { algorithm: "sliding-counter", limit: 100, windowMs: 600, reached: 195 },
  { algorithm: "token-bucket", limit: 100, windowMs: 600, reached: 199 },
  { algorithm: "gcra", limit: 100, windowMs: 600, burst: 10, reached: 109 },
  { algorithm: "gcra", limit: 7, windowMs: 83, burst: 1, reached: 7 },
  { algorithm: "token-bucket", limit: 997, windowMs: 100, burst: 3, reached: 300 },
];

test.each(TRIALS)(
  "$algorithm, $limit in $windowMs ms, burst $burst: what is declared holds, and is reached",
  async (trial) => {
    const { algorithm, limit, windowMs, burst, maxHits } = trial;
    const clock = createFakeClock();
    const cache = createCache({ store: memoryStore({ clock }), clock });
    const rule = { algorithm, limit, window: `${windowMs}ms`, burst, maxHits } as const;
    const limiter = createRateLimiter(cache, { rule }, { denyCache: false });
    let worst = 0;
    for (const quiet of [1, 2, Math.ceil(windowMs / 2), windowMs]) {
      await limiter.reset("u");
      const hits: number[] = [];
      for (let ms = 0; ms < 4 * windowMs; ms++) {
        // Quiet but for the first ms, up to the last of the first window; then greedy.
        const greedy = ms >= windowMs - quiet;
        hits.push(0);
        for (
          let calls = 0;
          (greedy || (ms === 0 && calls === 0)) && (await limiter.check("u")).allowed;
          calls++
        ) {
          hits[ms] = (hits[ms] as number) + 1;
        }
        clock.advanceSync(1);
      }
      for (let from = 0, sum = 0; from < hits.length; from++) {
        sum += hits[from] as number;
        if (from >= windowMs) sum -= hits[from - windowMs] as number;
        worst = Math.max(worst, sum);
      }
    }
    const declared = worstCase({ algorithm, limit, window: `${windowMs}ms`, burst });
    expect(limiter.rules[0]?.worstCase).toBe(declared);
    expect(worst).toBeLessThanOrEqual(declared);
    expect(worst).toBeGreaterThanOrEqual(trial.reached);
    await cache.close();
  },
);
