import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

const DAY_MS = 86_400_000;

describe("a timer of the system's clock that is longer than Node's can be", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("fires when it is due, and not before", () => {
    const callback = vi.fn();
    systemClock.after(60 * DAY_MS, callback);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it("is cancelled as any other, in whichever part of it", () => {
    const callback = vi.fn();
    const [early, late] = [
      systemClock.after(60 * DAY_MS, callback),
      systemClock.after(60 * DAY_MS, callback),
    ];
    early();
    vi.advanceTimersByTime(50 * DAY_MS);
    late();
    vi.advanceTimersByTime(20 * DAY_MS);
    expect(callback).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
