import { describe, expect, test } from "vitest";
import { RetryTimes } from "./retry-times.ts";

describe("RetryTimes", () => {
  test("names the earliest, and forgets what a look has found", () => {
    const times = new RetryTimes();
    expect(times.next).toBe(Number.POSITIVE_INFINITY);
    times.add(300);
    times.add(100);
    expect(times.next).toBe(100);
    times.looked(99, false);
    expect(times.next).toBe(100);
    times.looked(100, true);
    expect(times.next).toBe(300);
  });

  test("looks again a few times when a row was not due by the server's clock, then leaves it to the poll", () => {
    const times = new RetryTimes();
    times.add(100);
    let now = 100;
    const waits: number[] = [];
    for (let look = 0; look < 20 && times.next < Number.POSITIVE_INFINITY; look++) {
      times.looked(now, false);
      waits.push(times.next - now);
      now = times.next;
    }
    expect(waits).toEqual([40, 80, 160, 320, 640, Number.POSITIVE_INFINITY]);
  });

  test("is bounded", () => {
    const times = new RetryTimes();
    for (let i = 0; i < 5_000; i++) times.add(10_000 - i);
    expect(times.next).toBe(9_001);
  });
});
