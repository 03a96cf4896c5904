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

  it("grows by 1, 2, 4, … from window to window when it was reached, and not when it was not", () => {
    const limiter = new GradientLimiter({ ...SETTINGS, initial: 2 });
    limiter.fit(16);
    let now = 0;
    const limits = [1, 2, 3].map(() => {
      now = run(limiter, now, 1, () => 20);
      return limiter.limit;
    });
    expect(limits).toEqual([3, 5, 9]);
    for (let n = 1; n < 60; n++) report(limiter, "t1", 20, 1, now + 10 * n);
    expect(limiter.limit).toBe(9);
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

  it("takes a step back that made the origin slower, and tries again later each time", () => {
    const limiter = new GradientLimiter({ ...SETTINGS, initial: 4 });
    limiter.fit(16);
    const limits: number[] = [];
    let now = 0;
    for (let n = 0; n < 80; n++) {
      // Four have room; a fifth makes each a quarter slower, which `tolerance` allows.
      now = run(limiter, now, 1, () => (limiter.limit > 4 ? 25 : 20));
      limits.push(limiter.limit);
    }
    expect(Math.max(...limits)).toBe(5);
    const steps = limits.flatMap((limit, n) => (limit === 5 ? [n] : []));
    const pauses = steps.slice(1).map((n, nth) => n - (steps[nth] as number));
    expect(pauses).toEqual([2, 3, 5, 9, 17, 17, 17]);
    expect(limiter.state.backoffs).toBe(0);
    // Room for all again: it is back after one pause and a few windows.
    run(limiter, now, 12, () => 20);
    expect(limiter.limit).toBe(16);
  });

  it("looks for more carefully where the origin was too slow before, and is back soon when it is not any more", () => {
    const limiter = new GradientLimiter(SETTINGS);
    limiter.fit(16);
    let now = run(limiter, 0, 3, () => 20);
    const limits: number[] = [];
    for (let n = 0; n < 60; n++) {
      // A fifth of its power: four have room, two of which others take.
      now = run(limiter, now, 1, () => 20 * Math.max(1, (limiter.limit + 2) / 4));
      limits.push(limiter.limit);
    }
    expect(limits.slice(0, 3)).toEqual([8, 4, 2]);
    // One more is tried now and then, for a round of loads, and never two.
    expect(Math.max(...limits.slice(3))).toBe(3);
    expect(limits.slice(3).filter((limit) => limit === 3).length).toBeLessThan(6);
    run(limiter, now, 8, () => 20);
    expect(limiter.limit).toBe(16);
  });

  it("tries what was too much for one round of loads only, and goes on when a whole window was fast, too", () => {
    const limiter = new GradientLimiter({ ...SETTINGS, initial: 4 });
    limiter.fit(16);
    let now = run(limiter, 0, 1, () => 20);
    now = run(limiter, now, 1, () => 25);
    expect(limiter.limit).toBe(4);
    // Rests for one window, then tries five again.
    now = run(limiter, now, 1, () => 20);
    expect(limiter.limit).toBe(5);
    let loads = 0;
    const judged = (ms: number): boolean => {
      loads++;
      now += 10;
      return report(limiter, `t${loads % 10}`, ms, limiter.limit, now);
    };
    while (!judged(25));
    // Two that had begun before, and five.
    expect([limiter.limit, loads]).toEqual([4, 7]);
    now = run(limiter, now, 2, () => 20);
    expect(limiter.limit).toBe(5);
    now = run(limiter, now, 1, () => 20);
    expect(limiter.limit).toBe(5);
    run(limiter, now, 1, () => 20);
    expect(limiter.limit).toBe(7);
  });

  it("learns no best time from what failed at once, and counts what failed late", () => {
    const limiter = new GradientLimiter(SETTINGS);
    limiter.fit(16);
    let now = run(limiter, 0, 3, () => 20);
    for (let n = 0; n < 50; n++) limiter.end(limiter.begin(`t${n % 10}`, "c", now), 16, now + 1, "failed");
    now = run(limiter, now, 3, () => 20);
    expect(limiter.state).toMatchObject({ limit: 16, backoffs: 0 });
    for (let n = 1; n <= 16; n++)
      limiter.end(limiter.begin(`t${n % 10}`, "c", now + 10 * n - 100), 16, now + 10 * n, "failed");
    expect(limiter.limit).toBe(8);
  });

  describe("of loads that do not end", () => {
    /** Sixteen loads of tasks that are known, one a millisecond. */
    function begin(limiter: GradientLimiter, from: number, name: (n: number) => string) {
      return Array.from({ length: 16 }, (_, n) => limiter.begin(name(n), "c", from + n));
    }

    it("knows when most are overdue, and falls to its minimum, once for those that began before", () => {
      const limiter = new GradientLimiter(SETTINGS);
      limiter.fit(16);
      const now = run(limiter, 0, 3, () => 20);
      const loads = begin(limiter, now, (n) => `t${n % 10}`);
      // The ninth of them, at twice its best.
      expect(limiter.overdueAt).toBeCloseTo(now + 8 + 40, -0.5);
      limiter.giveWay(now + 50);
      expect(limiter.state).toMatchObject({ limit: 1, backoffs: 1 });
      expect(limiter.overdueAt).toBe(Number.POSITIVE_INFINITY);
      // How long they take in the end says nothing of the new limit, and it grows from there.
      loads.forEach((load, n) => {
        limiter.end(load, 16 - n, now + 100 + n);
      });
      const limits: number[] = [];
      let later = now + 120;
      for (let n = 0; n < 12; n++) {
        later = run(limiter, later, 1, () => 20);
        limits.push(limiter.limit);
      }
      // Sixteen took five times as long: three had room. More is tried after a rest, for a round of loads, and then it goes on.
      expect(limits).toEqual([2, 3, 3, 3, 3, 3, 3, 4, 4, 6, 10, 16]);
    });

    it("says nothing of fewer than four, or of a kind that it does not know", () => {
      const limiter = new GradientLimiter(SETTINGS);
      limiter.fit(16);
      begin(limiter, 0, (n) => `new:${n}`);
      expect(limiter.overdueAt).toBe(Number.POSITIVE_INFINITY);
      const other = new GradientLimiter(SETTINGS);
      other.fit(16);
      const now = run(other, 0, 3, () => 20);
      for (let n = 0; n < 3; n++) other.begin("t1", "c", now);
      expect(other.overdueAt).toBe(Number.POSITIVE_INFINITY);
      other.begin("t1", "c", now);
      expect(other.overdueAt).toBeLessThan(now + 50);
    });

    it("takes the long tasks of a mixed category for what they are", () => {
      const limiter = new GradientLimiter(SETTINGS);
      limiter.fit(16);
      // New tasks all of them: nine of ten take 2 ms, the others 400.
      for (let n = 0; n < 100; n++) report(limiter, `first:${n}`, n % 10 === 0 ? 400 : 2, 16, 1_000 + n);
      report(limiter, "last", 2, 16, 1_200);
      begin(limiter, 2_000, (n) => `second:${n}`);
      expect(limiter.overdueAt).toBeGreaterThan(2_800);
    });
  });
});
