import { describe, expect, it } from "vitest";
import { createFakeClock } from "../testing/create-fake-clock.ts";
import { Coverage } from "./coverage.ts";
import { PendingInvalidations } from "./pending-invalidations.ts";

const of = (key: string): Coverage => new Coverage({ keys: [key], tags: [], ranges: [], soft: false });

describe("PendingInvalidations", () => {
  it("retries until they are applied, in their order, and covers them meanwhile", async () => {
    const clock = createFakeClock();
    const applied: string[] = [];
    let away = true;
    const pending = new PendingInvalidations(clock, async ({ keys }) => {
      if (away) throw new Error("away");
      applied.push(...keys);
    });
    pending.add(of("a"));
    pending.add(of("b"));
    await clock.advance(1_000);
    expect([pending.size, pending.covers("a", []), pending.covers("c", [])]).toEqual([2, true, false]);
    away = false;
    await clock.advance(100);
    expect([applied, pending.size, pending.covers("a", [])]).toEqual([["a", "b"], 0, false]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not wait for its timer when it is woken, and rests when it is closed", async () => {
    const clock = createFakeClock();
    let applied = 0;
    const pending = new PendingInvalidations(clock, async () => void applied++);
    pending.add(of("a"));
    pending.wake();
    await clock.advance(0);
    expect([applied, pending.size]).toEqual([1, 0]);
    pending.add(of("b"));
    pending.close();
    await clock.advance(1_000);
    expect([applied, clock.pendingTimers]).toEqual([1, 0]);
  });

  it("stays bounded: too many become one that covers everything", () => {
    const pending = new PendingInvalidations(createFakeClock(), () => Promise.reject(new Error("away")));
    for (let n = 0; n < 1_001; n++) pending.add(of(`k${n}`));
    expect([pending.size, pending.covers("anything", []), pending.covers("\u001fs\u001fk", [])]).toEqual([
      1,
      true,
      true,
    ]);
    pending.close();
  });
});
