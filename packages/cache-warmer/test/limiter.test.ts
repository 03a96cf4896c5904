import { type Cache, createCache, memoryStore } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { drive, isSpared, measure, median } from "./support/slowed-origin.ts";

// The whole warmer beside live readers, in virtual time: what test/limiter.redis.test.ts measures of a machine is the same here each time.

/** Runs what waits for the clocks of its caches, as long as it takes by them. */
async function inVirtualTime<T>(work: (open: () => Cache) => Promise<T>): Promise<T> {
  const clock = createFakeClock();
  const random = seededRandom("limiter");
  const open = (): Cache =>
    createCache({
      ...{ store: memoryStore({ clock }), clock, namespace: "drive" },
      random: () => random.int(0, 999_999) / 1e6,
    });
  let over = false;
  const result = work(open).finally(() => {
    over = true;
  });
  while (!over) await clock.advance(10);
  return result;
}

describe("the limiter, in virtual time", () => {
  it("backs off within three windows when the origin has a fifth of its power, spares live reads, and comes back", async () => {
    const measured = await inVirtualTime((open) => measure(open, "power", 5_000));
    expect(isSpared(measured, 1.5), JSON.stringify(measured)).toBe(true);
  });

  it("backs off as soon when each query is five times the work, and costs live reads nothing that they do not cost alone", async () => {
    const measured = await inVirtualTime((open) => measure(open, "work", 3_000));
    expect(isSpared(measured, 1.1), JSON.stringify(measured)).toBe(true);
  });

  it("control arm: without it live reads pay for as long as the origin is slow", async () => {
    const ratios = await inVirtualTime(async (open) => {
      const alone = await drive(open(), { way: "power", slowMs: 3_000, warmer: null });
      const beside = await drive(open(), { way: "power", slowMs: 3_000, warmer: { limiter: false } });
      return beside.secondsP99.map((ms) => ms / median(alone.secondsP99));
    });
    for (const ratio of ratios) expect(ratio).toBeGreaterThan(2);
  });
});
