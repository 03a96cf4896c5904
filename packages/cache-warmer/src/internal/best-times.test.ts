import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { BestTimes } from "./best-times.ts";

const TOLERANCE = 1.3;

/** Log-normal jitter of 30%: what a database shows that is far from busy. */
function jitter(seed: string): () => number {
  const random = seededRandom(seed);
  const unit = (): number => random.int(1, 1_000_000) / 1_000_001;
  return () => Math.exp(0.3 * Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit()));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

describe("best times", () => {
  it("of a task move towards what was faster, and drift upwards with the windows", () => {
    const times = new BestTimes();
    expect(times.ofTask("a")).toBeUndefined();
    times.learnTask("a", 80);
    times.learnTask("a", 200);
    expect(times.ofTask("a")).toBe(80);
    times.learnTask("a", 40);
    expect(times.ofTask("a")).toBe(75);
    for (let n = 0; n < 139; n++) times.age();
    expect(times.ofTask("a")).toBeCloseTo(150, -0.5);
  });

  it("of a task that is loaded again and again are not the luckiest", () => {
    const times = new BestTimes();
    const next = jitter("task");
    const minimum: number[] = [];
    const slowness: number[] = [];
    for (let n = 0; n < 400; n++) {
      const ms = 20 * next();
      minimum.push(ms);
      if (n > 100) slowness.push(ms / (times.ofTask("a") as number));
      times.learnTask("a", ms);
      for (let window = 0; window < 2; window++) times.age();
    }
    expect(median(slowness)).toBeLessThan(1.15);
    // The control arm: compared with the minimum the origin would look too slow for ever.
    expect(20 / Math.min(...minimum)).toBeGreaterThan(1.6);
  });

  it("of a category of which few loads end in a window are not those of the luckiest window", () => {
    const times = new BestTimes();
    const next = jitter("category");
    const medians: number[] = [];
    const slowness: number[] = [];
    for (let window = 0; window < 400; window++) {
      const values = Array.from({ length: 5 }, () => 200 * next());
      medians.push(median(values));
      const ratio = times.learnCategory("c", values, TOLERANCE);
      if (window > 100) slowness.push(ratio);
      times.age();
    }
    expect(median(slowness)).toBeLessThan(1.1);
    expect(median(medians) / Math.min(...medians)).toBeGreaterThan(1.3);
  });

  it("of a category are the mean of the first windows, which may have been lucky", () => {
    const times = new BestTimes();
    expect(times.learnCategory("c", [10, 10, 10, 10], TOLERANCE)).toBe(1);
    expect(times.learnCategory("c", [30, 30, 30, 30], TOLERANCE)).toBeCloseTo(30.5 / 20.5);
    for (let n = 0; n < 6; n++) times.learnCategory("c", [20, 20, 20, 20], TOLERANCE);
    // From here on slower ones move it no more.
    expect(times.learnCategory("c", [60, 60, 60, 60], TOLERANCE)).toBeCloseTo(60.5 / 20.5);
    expect(times.learnCategory("c", [60, 60, 60, 60], TOLERANCE)).toBeCloseTo(60.5 / 20.5);
  });

  it("know no more tasks than they may, and keep categories apart from them", () => {
    const times = new BestTimes();
    times.learnCategory("c", [20, 20, 20, 20], TOLERANCE);
    for (let n = 0; n < 20_001; n++) times.learnTask(`t${n}`, 20);
    expect([times.ofTask("t0"), times.ofTask("t1"), times.ofTask("t20000")]).toEqual([undefined, 20, 20]);
    expect(times.usualMs("new", "c")).toBe(20);
    expect(times.usualMs("new", "other")).toBe(Number.POSITIVE_INFINITY);
  });

  it("take a category as usual by where its time goes, and not from a slow window", () => {
    const times = new BestTimes();
    const mixed = Array.from({ length: 100 }, (_, n) => (n % 10 === 0 ? 400 : 2));
    times.learnCategory("c", mixed, TOLERANCE);
    expect(times.usualMs("new", "c")).toBe(400);
    times.learnCategory(
      "c",
      Array.from({ length: 100 }, () => 50),
      TOLERANCE,
    );
    expect(times.usualMs("new", "c")).toBe(400);
  });
});
