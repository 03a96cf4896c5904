import { describe, expect, it } from "vitest";
import { LatencyWindow } from "./latency-window.ts";
import { percentiles } from "./percentiles.ts";
import { zipf } from "./zipf.ts";

describe("percentiles", () => {
  it("are measured values, by nearest rank", () => {
    const samples = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentiles(samples)).toEqual({ count: 200, p50: 100, p95: 190, p99: 198 });
    expect(percentiles([7])).toEqual({ count: 1, p50: 7, p95: 7, p99: 7 });
    expect(percentiles([])).toBeNull();
  });
});

describe("LatencyWindow", () => {
  it("forgets what is older than its seconds", () => {
    const window = new LatencyWindow(3);
    window.record(100);
    window.tick();
    window.record(1);
    expect(window.read()).toMatchObject({ count: 2, p99: 100 });
    window.tick();
    window.tick();
    expect(window.read()).toMatchObject({ count: 1, p99: 1 });
    window.tick();
    expect(window.read()).toBeNull();
  });

  it("is bounded within a second", () => {
    const window = new LatencyWindow(2);
    for (let sample = 0; sample < 5000; sample++) window.record(sample);
    expect(window.read()!.count).toBe(1000);
  });
});

describe("zipf", () => {
  it("draws rank r in proportion to 1 / (r + 1)", () => {
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const draw = zipf(85, 1, random);
    const counts = new Array<number>(85).fill(0);
    for (let turn = 0; turn < 100_000; turn++) counts[draw()]!++;
    const sum = Array.from({ length: 85 }, (_, rank) => 1 / (rank + 1)).reduce((a, b) => a + b);
    for (const rank of [0, 1, 9]) expect(counts[rank]! / 100_000).toBeCloseTo(1 / (rank + 1) / sum, 2);
    expect(counts.every((count) => count > 0)).toBe(true);
  });

  it("stays inside at both ends of the random numbers", () => {
    expect(zipf(10, 1, () => 0)()).toBe(0);
    expect(zipf(10, 1, () => 1 - 2 ** -53)()).toBe(9);
  });
});
