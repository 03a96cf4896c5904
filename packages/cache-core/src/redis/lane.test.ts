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
    lane.noteServerTime(server() - 30, performance.now());
    lane.noteServerTime(server() - 2, performance.now());
    lane.noteServerTime(server() - 9, performance.now());
    expect(lane.serverNow()).toBe(Math.floor(server() - 2));
    vi.advanceTimersByTime(5_001);
    expect(lane.clockIsOld).toBe(true);
    vi.advanceTimersByTime(20_000);
    lane.noteServerTime(server() - 60_000, performance.now());
    expect(lane.serverNow()).toBe(Math.floor(server() - 60_000));
  });

  it("knows between which bounds the server's clock is, for a minute, and not over another connection", () => {
    const lane = new Lane("");
    expect(lane.bounds).toBe(undefined);
    const server = (): number => 1_000_000 + performance.now();
    vi.advanceTimersByTime(100);
    // Asked 30 ms ago, answered by the server 20 ms ago.
    lane.noteServerTime(server() - 20, performance.now() - 30);
    expect(lane.bounds).toEqual({ atLeast: server() - 20, spreadMs: 30 });
    vi.advanceTimersByTime(10_000);
    expect(lane.bounds).toEqual({ atLeast: server() - 25, spreadMs: 40 });
    const { atLeast, spreadMs } = lane.bounds!;
    expect(atLeast).toBeLessThan(server());
    expect(atLeast + spreadMs).toBeGreaterThanOrEqual(server());
    vi.advanceTimersByTime(50_001);
    expect(lane.bounds).toBe(undefined);
    lane.noteServerTime(server(), performance.now());
    expect(lane.bounds).toBeDefined();
    lane.reset();
    expect(lane.bounds).toBe(undefined);
    // What another server says counts although it is less.
    lane.noteServerTime(server() - 500, performance.now());
    expect(lane.serverNow()).toBe(Math.floor(server() - 500));
  });
});

it("spares others the wait for a refusal, for a while", async () => {
  const lane = new Lane("");
  expect(lane.refuses).toBe(false);
  lane.noteRefusal();
  expect(lane.refuses).toBe(true);
  expect(lane.silent).toBe(false);
  await vi.waitFor(() => expect(lane.refuses).toBe(false), { interval: 5, timeout: 500 });
});
