import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Lane } from "./lane.ts";

describe("Lane", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "Date"] }));
  afterEach(() => void vi.useRealTimers());

  it("falls silent when a deadline passes and nothing was answered since the call was sent", () => {
    const lane = new Lane("");
    vi.advanceTimersByTime(10);
    const sentAt = performance.now();
    vi.advanceTimersByTime(40);
    expect(lane.timedOut(sentAt)).toBe(true);
    expect([lane.silent, lane.timedOut(sentAt)]).toEqual([true, false]);
    vi.advanceTimersByTime(5);
    expect(lane.silentMs).toBe(5);
    expect([lane.answered(), lane.silent, lane.answered()]).toEqual([true, false, false]);
  });

  it("stays open for one slow call among answered ones", () => {
    const lane = new Lane("");
    const sentAt = performance.now();
    vi.advanceTimersByTime(30);
    lane.answered();
    vi.advanceTimersByTime(10);
    expect([lane.timedOut(sentAt), lane.silent]).toEqual([false, false]);
  });

  it("falls silent although an answer to an earlier call came shortly after the call was sent", () => {
    const lane = new Lane("");
    const sentAt = performance.now();
    vi.advanceTimersByTime(1);
    lane.answered();
    vi.advanceTimersByTime(39);
    expect(lane.timedOut(sentAt)).toBe(true);
  });

  it("estimates the server's clock by the latest of recent samples, and gives old ones up", () => {
    const lane = new Lane("");
    expect(lane.serverNow()).toBe(Date.now());
    const server = (): number => 1_000_000 + performance.now();
    lane.noteServerTime(server() - 30);
    lane.noteServerTime(server() - 2);
    lane.noteServerTime(server() - 9);
    expect(lane.serverNow()).toBe(Math.floor(server() - 2));
    vi.advanceTimersByTime(5_001);
    expect(lane.clockIsOld).toBe(true);
    vi.advanceTimersByTime(20_000);
    lane.noteServerTime(server() - 60_000);
    expect(lane.serverNow()).toBe(Math.floor(server() - 60_000));
  });
});
