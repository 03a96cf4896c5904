import { TypedEmitter } from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { WARMER_EVENTS, type WarmerEvents } from "../events.ts";
import { GradientLimiter } from "./gradient-limiter.ts";
import { OriginWatch } from "./origin-watch.ts";

describe("the watch of the origin", () => {
  let clock: FakeClock;
  let limiter: GradientLimiter;
  let watch: OriginWatch;
  let told: number[];
  const gauge = { inFlight: 8 };

  /** Eight loads at the same time, so long. */
  async function load(ms: number): Promise<void> {
    const ends = Array.from({ length: 8 }, (_, n) => watch.begin(`t${n}`, "c"));
    await clock.advance(ms);
    for (const end of ends) end();
  }

  beforeEach(async () => {
    clock = createFakeClock();
    limiter = new GradientLimiter({ min: 1, windowMs: 1_000, tolerance: 1.3 });
    limiter.fit(8);
    const emitter = new TypedEmitter<WarmerEvents>(WARMER_EVENTS, () => {});
    told = [];
    emitter.on("limiter:window", ({ limit }) => told.push(limit));
    watch = new OriginWatch(limiter, clock, emitter, gauge);
    for (let n = 0; n < 10; n++) await load(20);
    expect(told).toEqual([]);
  });

  it("makes the limiter give way soon after most loads are overdue, in the middle of a window", async () => {
    for (let n = 0; n < 8; n++) watch.begin(`t${n}`, "c");
    await clock.advance(44);
    expect(limiter.limit).toBe(8);
    await clock.advance(3);
    expect(told).toEqual([1]);
    expect(limiter.state).toMatchObject({ limit: 1, slowdown: 2, backoffs: 1 });
  });

  it("lets loads be late by less than their usual time", async () => {
    await load(39);
    expect([limiter.limit, told]).toEqual([8, []]);
  });

  it("looks once for those that began before, and again for those that begin afterwards", async () => {
    for (let n = 0; n < 8; n++) watch.begin(`t${n}`, "c");
    await clock.advance(1_000);
    expect(limiter.state.backoffs).toBe(1);
    for (let n = 0; n < 8; n++) watch.begin(`t${n}`, "c");
    await clock.advance(1_000);
    expect(limiter.state.backoffs).toBe(2);
  });

  it("leaves no timer when nothing is under way", async () => {
    const ends = Array.from({ length: 8 }, (_, n) => watch.begin(`t${n}`, "c"));
    expect(clock.pendingTimers).toBe(1);
    for (const end of ends) end();
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not take a pause of this process for one of the origin", async () => {
    let late = 0;
    // As in Node: the timers come when the pause is over, then the answers that have arrived meanwhile.
    const pausing = { ...clock, monotonic: () => clock.monotonic() + late };
    const other = new OriginWatch(
      limiter,
      pausing,
      new TypedEmitter<WarmerEvents>(WARMER_EVENTS, () => {}),
      gauge,
    );
    const ends = Array.from({ length: 8 }, (_, n) => other.begin(`t${n}`, "c"));
    late = 300;
    await clock.advance(41);
    await clock.advance(1);
    for (const end of ends) end();
    expect(limiter.state).toMatchObject({ limit: 8, backoffs: 0 });
  });
});
