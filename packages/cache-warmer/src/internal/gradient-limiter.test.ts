import { describe, expect, it } from "vitest";
import { GradientLimiter } from "./gradient-limiter.ts";

const SETTINGS = { min: 1, windowMs: 100, tolerance: 1.3 };

/** A load that ends now. */
function report(limiter: GradientLimiter, task: string, ms: number, inFlight: number, now: number): boolean {
  return limiter.end(limiter.begin(task, "c", now - ms), inFlight, now);
}

/** Loads of `ms` for so many windows, with as many in flight as allowed. */
function run(limiter: GradientLimiter, from: number, windows: number, ms: (n: number) => number): number {
  let now = from;
  let judged = 0;
  for (let n = 0; judged < windows; n++) {
    now += 10;
    if (report(limiter, `t${n % 10}`, ms(n), limiter.limit, now)) judged++;
  }
  return now;
}

describe("the gradient limiter", () => {
  it("begins with what may be in flight, and stays there while the origin is as fast as ever", () => {
    const limiter = new GradientLimiter(SETTINGS);
    limiter.fit(16);
    run(limiter, 0, 5, () => 20);
    expect(limiter.state).toMatchObject({ limit: 16, windows: 5, backoffs: 0 });
  });

  it("halves at most, each window, down to its minimum", () => {
    const limiter = new GradientLimiter({ ...SETTINGS, min: 2 });
    limiter.fit(16);
    let now = run(limiter, 0, 3, () => 20);
    const limits = [1, 2, 3, 4, 5].map(() => {
      now = run(limiter, now, 1, () => 100);
      return limiter.limit;
    });
    expect(limits).toEqual([8, 4, 2, 2, 2]);
  });

  it("grows by one a window when it was reached, and not when it was not", () => {
    const limiter = new GradientLimiter({ ...SETTINGS, initial: 2 });
    limiter.fit(16);
    const now = run(limiter, 0, 3, () => 20);
    expect(limiter.limit).toBe(5);
    for (let n = 1; n < 60; n++) report(limiter, "t1", 20, 1, now + 10 * n);
    expect(limiter.limit).toBe(5);
  });

  it("is not misled by tasks that differ by orders of magnitude, once it knows them", () => {
    const limiter = new GradientLimiter(SETTINGS);
    limiter.fit(16);
    const mixed = (n: number): number => (n % 10 < 5 ? 2 : 400);
    const now = run(limiter, 0, 3, mixed);
    run(limiter, now, 5, (n) => (n % 10 < 5 ? 2 : 400));
    expect(limiter.limit).toBe(16);
  });

  it("believes an origin that became slower for good, after minutes", () => {
    const limiter = new GradientLimiter(SETTINGS);
    limiter.fit(16);
    let now = run(limiter, 0, 3, () => 20);
    now = run(limiter, now, 50, () => 60);
    expect(limiter.limit).toBe(1);
    run(limiter, now, 300, () => 60);
    expect(limiter.limit).toBeGreaterThan(4);
  });

  it("goes along with a run that may have more in flight, unless it had to give way", () => {
    const limiter = new GradientLimiter(SETTINGS);
    limiter.fit(4);
    limiter.fit(10);
    expect(limiter.limit).toBe(10);
    run(
      limiter,
      run(limiter, 0, 2, () => 20),
      1,
      () => 100,
    );
    limiter.fit(20);
    expect(limiter.limit).toBe(5);
  });
});
