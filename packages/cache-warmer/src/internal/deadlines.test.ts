import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { Deadlines } from "./deadlines.ts";

describe("deadlines", () => {
  let clock: FakeClock;
  let deadlines: Deadlines;
  let ends: string[];

  beforeEach(() => {
    clock = createFakeClock({ startMs: 0 });
    deadlines = new Deadlines(clock);
    ends = [];
  });

  /** Work that ends when it is told to. */
  function follow(key: string, ms: number): { end(value: string): void; fail(error: Error): void } {
    let end!: (value: string) => void;
    let fail!: (error: Error) => void;
    const work = new Promise<string>((resolve, reject) => {
      [end, fail] = [resolve, reject];
    });
    const note = (how: string): void => void ends.push(`${key} ${how} at ${clock.wall()}`);
    deadlines.follow(work, key, ms, note, (error) => note((error as { code?: string }).code ?? "failed"));
    return { end, fail };
  }

  it("tell of each work once: its end, or that it came too late, whatever their order", async () => {
    const slow = follow("slow", 100);
    follow("hangs", 30);
    const quick = follow("quick", 50);
    const fails = follow("fails", 50);
    follow("hangs too", 30);
    await clock.advance(10);
    quick.end("ended");
    fails.fail(new Error());
    await clock.advance(50);
    follow("late", 10);
    await clock.advance(60);
    slow.end("too late");
    await clock.advance(1_000);
    expect(ends).toEqual([
      ...["quick ended at 10", "fails failed at 10", "hangs FETCH_TIMEOUT at 30"],
      ...["hangs too FETCH_TIMEOUT at 30", "late FETCH_TIMEOUT at 70", "slow FETCH_TIMEOUT at 100"],
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("have one timer for a thousand works, also where each is followed by the next", async () => {
    for (let n = 0; n < 1_000; n++) {
      const { end } = follow(`k${n}`, 30);
      expect(clock.pendingTimers).toBe(1);
      if (n % 2 === 0) end("ended");
      if (n % 100 === 0) await clock.advance(1);
    }
    await clock.advance(40);
    expect(ends.length).toBe(1_000);
    expect(ends.filter((end) => end.includes("FETCH_TIMEOUT")).length).toBe(500);
  });

  it("leave no timer when they are closed: at once, or with the last that is under way", async () => {
    const work = follow("a", 30);
    deadlines.close();
    expect(clock.pendingTimers).toBe(1);
    work.end("ended");
    await clock.advance(0);
    expect(ends).toEqual(["a ended at 0"]);
    expect(clock.pendingTimers).toBe(0);
  });
});
