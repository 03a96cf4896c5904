import { describe, expect, it } from "vitest";
import { createFakeClock } from "../testing/create-fake-clock.ts";
import { Coverage } from "./coverage.ts";
import { PendingInvalidations } from "./pending-invalidations.ts";

const of = (key: string): Coverage => new Coverage({ keys: [key], tags: [], ranges: [], soft: false });

describe("PendingInvalidations", () => {
  it("retries until they are applied, and covers them meanwhile", async () => {
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
    expect([applied.sort(), pending.size, pending.covers("a", [])]).toEqual([["a", "b"], 0, false]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not let one that cannot be applied keep the others waiting", async () => {
    const clock = createFakeClock();
    const applied: string[] = [];
    const pending = new PendingInvalidations(clock, async ({ keys }) => {
      if (keys.includes("of a dead node")) throw new Error("away");
      applied.push(...keys);
    });
    for (const key of ["of a dead node", "a", "b"]) pending.add(of(key));
    await clock.advance(300);
    expect([applied, pending.size, pending.covers("of a dead node", [])]).toEqual([["a", "b"], 1, true]);
    pending.close();
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

  describe("a write of the same key", () => {
    const both = (record?: object): Coverage =>
      new Coverage({ keys: ["a", "b"], tags: [], ranges: [], soft: false, record });

    it("that succeeded has done what waits to be done for this key, and for no other", async () => {
      const clock = createFakeClock();
      const applied: string[][] = [];
      const pending = new PendingInvalidations(clock, async ({ keys }) => void applied.push([...keys]));
      pending.add(both());
      const write = await pending.beginWrite(["a"]);
      expect([pending.covers("a", []), pending.covers("b", [])]).toEqual([true, true]);
      write.end(true);
      expect([pending.covers("a", []), pending.covers("b", [])]).toEqual([false, true]);
      await clock.advance(100);
      expect([applied, pending.size]).toEqual([[["b"]], 0]);
    });

    it("that failed changes nothing", async () => {
      const clock = createFakeClock();
      const applied: string[] = [];
      const pending = new PendingInvalidations(clock, async ({ keys }) => void applied.push(...keys));
      pending.add(of("a"));
      (await pending.beginWrite(["a"])).end(false);
      await clock.advance(100);
      expect([applied, pending.size]).toEqual([["a"], 0]);
    });

    it("is not overtaken by what was asked for after it began", async () => {
      const pending = new PendingInvalidations(createFakeClock(), () => Promise.reject(new Error("away")));
      pending.add(of("other"));
      const write = await pending.beginWrite(["a"]);
      pending.add(of("a"));
      write.end(true);
      expect(pending.covers("a", [])).toBe(true);
      pending.close();
    });

    it("is never under way together with an invalidation of it", async () => {
      const clock = createFakeClock();
      let finish: () => void = () => {};
      const applied: string[] = [];
      const pending = new PendingInvalidations(clock, async ({ keys }) => {
        applied.push(...keys);
        await new Promise<void>((resolve) => (finish = resolve));
      });
      pending.add(of("a"));
      const first = await pending.beginWrite(["a"]);
      pending.wake();
      await clock.advance(100);
      expect(applied, "waits for the write").toEqual([]);
      first.end(false);
      await clock.advance(100);
      expect(applied).toEqual(["a"]);
      let begun = false;
      const second = pending.beginWrite(["a"]).then((write) => {
        begun = true;
        return write;
      });
      await clock.advance(100);
      expect(begun, "waits for the invalidation").toBe(false);
      finish();
      (await second).end(true);
      expect(pending.size).toBe(0);
    });

    it("leaves a record of the invalidation to be kept", async () => {
      const clock = createFakeClock();
      const applied: unknown[] = [];
      const pending = new PendingInvalidations(
        clock,
        async ({ keys, record }) => void applied.push([keys, record]),
      );
      pending.add(both({ id: 1 }));
      (await pending.beginWrite(["a", "b"])).end(true);
      await clock.advance(100);
      expect(applied).toEqual([[[], { id: 1 }]]);
    });
  });
});
