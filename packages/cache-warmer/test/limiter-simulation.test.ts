import { percentile } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { MAX_PARALLEL, SimulatedOrigin, type Simulation } from "./support/simulated-origin.ts";

// What test/limiter.redis.test.ts measures on a machine, in virtual time: of more origins, of many runs, and the same each time.

const SEEDS = [1, 2, 3, 4, 5, 6, 7];
const SLOW_MS = 20_000;
const SMALL = { workMs: 20, capacity: 20, readEveryMs: 10 };
const LARGE = { workMs: 20, capacity: 60, readEveryMs: 4 };

const median = (values: readonly number[]): number => percentile([...values], 50);

/** An origin that has a fifth of its power for 20 s. */
function slowed(simulation: Simulation) {
  const origin = new SimulatedOrigin(simulation);
  origin.run(2_000);
  const before = origin.windows.at(-1)?.limit ?? MAX_PARALLEL;
  origin.capacity /= 5;
  const slow = origin.run(SLOW_MS);
  origin.capacity *= 5;
  const limits = origin.windows.filter(({ at }) => at > slow.from).map(({ limit }) => limit);
  const windows = limits.findIndex((limit) => limit <= before / 2) + 1;
  const limit = (): number => origin.windows.at(-1)?.limit ?? MAX_PARALLEL;
  while (simulation.warming && limit() < before && origin.events.now - slow.until < 10_000) origin.run(10);
  const backMs = origin.events.now - slow.until;
  const p99 = (from: number, until: number): number =>
    percentile(
      origin.reads.filter(({ began }) => began >= from && began < until).map(({ ms }) => ms),
      99,
    );
  const seconds = Array.from({ length: SLOW_MS / 1_000 - 1 }, (_, n) =>
    p99(slow.from + 1_000 * (n + 1), slow.from + 1_000 * (n + 2)),
  );
  return { before, windows, backMs, rest: p99(slow.from + 1_000, slow.until), seconds };
}

/** Live reads beside a run, as multiples of the same where nobody warms; the median of the seeds. */
function measure(origin: Omit<Simulation, "seed" | "warming">) {
  const runs = SEEDS.map((seed) => {
    const alone = slowed({ ...origin, seed, warming: false });
    const beside = slowed({ ...origin, seed, warming: true });
    const usual = median(alone.seconds);
    return {
      ...beside,
      ratio: beside.rest / alone.rest,
      slowSeconds: beside.seconds.filter((ms) => ms > 1.5 * usual).length,
    };
  });
  const of = (pick: (run: (typeof runs)[number]) => number): number =>
    Number(median(runs.map(pick)).toFixed(2));
  const figures = {
    before: of(({ before }) => before),
    windows: of(({ windows }) => windows),
    ratio: of(({ ratio }) => ratio),
    slowSeconds: of(({ slowSeconds }) => slowSeconds),
    backMs: of(({ backMs }) => backMs),
    longestBackMs: Math.max(...runs.map(({ backMs }) => backMs)),
  };
  if (process.env.WARMER_FIGURES) process.stdout.write(`${JSON.stringify({ ...origin, ...figures })}\n`);
  return figures;
}

describe("the limiter, simulated", () => {
  it.each([
    ["has room for four", SMALL],
    ["has room for four, and timers are late", { ...SMALL, lateMs: 1 }],
    ["has room for twelve", LARGE],
    ["has room for twelve, with a jitter of 10%", { ...LARGE, jitter: 0.1 }],
  ])("spares live reads of an origin that %s for 20 s, and comes back", (_, origin) => {
    const { before, windows, ratio, slowSeconds, backMs } = measure(origin);
    expect(before).toBe(MAX_PARALLEL);
    expect(windows).toBeLessThanOrEqual(3);
    expect(ratio).toBeLessThanOrEqual(1.5);
    expect(slowSeconds).toBeLessThanOrEqual(1);
    expect(backMs).toBeLessThanOrEqual(2_000);
  });

  it.each([
    ["has room for four", SMALL, 1.5],
    ["has room for four, with a jitter of 10%", { ...SMALL, jitter: 0.1 }, 1.5],
    // Of seven places that are free on average six cost half of the p99, by chance alone: docs/measurements/warmer.md.
    ["has room for twelve", LARGE, 1.7],
    ["has room for twelve, with a jitter of 10%", { ...LARGE, jitter: 0.1 }, 1.5],
  ])("spares live reads that come at random, too: an origin that %s", (_, origin, most) => {
    const { windows, ratio, backMs } = measure({ ...origin, atRandom: true });
    expect(windows).toBeLessThanOrEqual(3);
    expect(ratio).toBeLessThanOrEqual(most);
    expect(backMs).toBeLessThanOrEqual(2_000);
  });

  it.each([
    ["new tasks", {}],
    ["tasks that are loaded again and again", { tasks: 500 }],
    ["few loads in a window", { workMs: 200, capacity: 60 }],
  ])("keeps the limit of a calm origin with a jitter of 30%%, and reaches it from one: %s", (_, more) => {
    for (const initial of [1, MAX_PARALLEL]) {
      const means = SEEDS.map((seed) => {
        const origin = new SimulatedOrigin({
          ...{ ...SMALL, jitter: 0.3, seed, warming: true, initial },
          ...more,
        });
        origin.run(10_000);
        const { length } = origin.windows;
        origin.run(20_000);
        const limits = origin.windows.slice(length).map(({ limit }) => limit);
        return limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
      });
      expect(median(means)).toBeGreaterThan(0.9 * MAX_PARALLEL);
    }
  });
});
