import { describe, expect, it } from "vitest";
import { createFakeClock } from "./create-fake-clock.ts";

describe("createFakeClock", () => {
  it("stands still until it is advanced", () => {
    const clock = createFakeClock({ startMs: 5_000 });
    const started = clock.monotonic();
    expect(clock.wall()).toBe(5_000);
    clock.advanceSync(250);
    expect(clock.wall()).toBe(5_250);
    expect(clock.monotonic() - started).toBe(250);
  });

  it("runs due timers in order, each at its own time, equal ones first come first", async () => {
    const clock = createFakeClock({ startMs: 0 });
    const seen: [string, number][] = [];
    const note = (name: string) => () => void seen.push([name, clock.wall()]);
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    clock.after(31, note("late"));
    await clock.advance(30);
    expect(seen).toEqual([
      ["a", 10],
      ["b", 10],
      ["c", 30],
    ]);
    expect(clock.wall()).toBe(30);
    expect(clock.pendingTimers).toBe(1);
  });

  it("runs timers that are set by timers, and lets promises get on in between", async () => {
    const clock = createFakeClock({ startMs: 0 });
    const ticks: number[] = [];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
    const loop = (async () => {
      for (let i = 0; i < 4; i++) {
        await sleep(10);
        ticks.push(clock.wall());
      }
    })();
    await clock.advance(100);
    await loop;
    expect(ticks).toEqual([10, 20, 30, 40]);
    expect(clock.wall()).toBe(100);
  });

  it("lets what is under way set its timers before time passes", async () => {
    const clock = createFakeClock();
    let fired = false;
    void Promise.resolve().then(() =>
      setImmediate(() =>
        clock.after(5, () => {
          fired = true;
        }),
      ),
    );
    await clock.advance(5);
    expect(fired).toBe(true);
  });

  it("runs timers but not promises when it is advanced at once", () => {
    const clock = createFakeClock();
    let fired = 0;
    const again = (): void => {
      fired++;
      clock.after(0, again);
    };
    clock.after(0, again);
    clock.advanceSync(10);
    expect(fired).toBe(10);
  });

  it("forgets a cancelled timer; cancelling again or late does nothing", async () => {
    const clock = createFakeClock();
    let fired = 0;
    const cancel = clock.after(10, () => fired++);
    const keep = clock.after(10, () => fired++);
    cancel();
    cancel();
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(10);
    keep();
    expect(fired).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("sets the wall clock without touching monotonic time or timers", async () => {
    const clock = createFakeClock({ startMs: 1_000_000 });
    const started = clock.monotonic();
    let firedAt = 0;
    clock.after(10, () => {
      firedAt = clock.monotonic() - started;
    });
    clock.setWall(5);
    expect(clock.wall()).toBe(5);
    expect(clock.monotonic()).toBe(started);
    await clock.advance(10);
    expect(firedAt).toBe(10);
    expect(clock.wall()).toBe(15);
  });

  it("hands on what a timer throws", async () => {
    const clock = createFakeClock();
    clock.after(1, () => {
      throw new Error("boom");
    });
    await expect(clock.advance(1)).rejects.toThrow("boom");
  });
});
