import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RecentSessions } from "./recent-sessions.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const ann = { sessionId: "s1", userId: "ann" };

it("remembers who was confirmed, for a minute, until told otherwise", () => {
  const recent = new RecentSessions();
  expect(recent.find("s1")).toBeNull();
  recent.note("s1", ann);
  vi.advanceTimersByTime(59_000);
  expect(recent.find("s1")).toEqual(ann);
  recent.note("s1", null);
  expect(recent.find("s1")).toBeNull();
  recent.note("s1", ann);
  vi.advanceTimersByTime(60_000);
  expect(recent.find("s1")).toBeNull();
});

it("remembers the latest thousand", () => {
  const recent = new RecentSessions();
  for (let at = 0; at <= 1_000; at++) recent.note(`s${at}`, ann);
  expect([recent.find("s0"), recent.find("s1"), recent.find("s1000")]).toEqual([null, ann, ann]);
});
