import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { checkFamily, checkTask } from "./check-task.ts";
import { ExpiryIndex } from "./expiry-index.ts";
import { UsualSettings } from "./task-settings.ts";

const record = checkTask({ key: "any", fetcher: () => 1 }, new UsualSettings());

describe("the index of expiries", () => {
  it("agrees with a sorted list, on random histories", () => {
    const random = seededRandom("expiries");
    for (let history = 0; history < 50; history++) {
      const index = new ExpiryIndex();
      const model = new Map<string, number>();
      for (let step = 0; step < 200; step++) {
        const key = `k${random.int(0, 40)}`;
        if (random.chance(0.7)) {
          const at = random.int(0, 1_000);
          index.set(record, key, at);
          model.set(key, at);
        } else if (random.chance(0.3)) {
          index.delete(key);
          model.delete(key);
        } else {
          const before = random.int(0, 1_000);
          const due = [...model].filter(([, at]) => at < before);
          const taken = index.takeDue(before);
          expect(taken.map(({ key: name }) => name).sort()).toEqual(due.map(([name]) => name).sort());
          const times = taken.map(({ freshUntil }) => freshUntil);
          expect(times).toEqual([...times].sort((a, b) => a - b));
          for (const [name] of due) model.delete(name);
        }
        expect(index.size).toBe(model.size);
      }
    }
  });

  it("forgets what a family lists no more, and leaves no more places behind than there are keys", () => {
    const family = checkFamily({ name: "f", keys: () => [], batchFetcher: async () => [] });
    const index = new ExpiryIndex();
    index.set(record, "task", 5_000);
    for (let listing = 1; listing <= 50; listing++) {
      for (let n = 0; n < 100; n++) index.set(family, `${listing}/${n}`, 1_000 + n, listing);
      index.deleteUnlisted("other", listing);
      index.deleteUnlisted("f", listing);
      expect(index.size).toBe(101);
      expect(index.places).toBeLessThanOrEqual(2 * 101);
    }
    expect(index.takeDue(10_000).length).toBe(101);
  });

  it("finds what is due in O(log n + k): as fast in a thousand times as many keys", () => {
    function measure(keys: number): number {
      const index = new ExpiryIndex();
      for (let n = 0; n < keys; n++) index.set(record, `k${n}`, 1_000_000 + n);
      const times: number[] = [];
      for (let round = 0; round < 200; round++) {
        for (let n = 0; n < 10; n++) index.set(record, `due${n}`, n);
        const began = performance.now();
        expect(index.takeDue(100).length).toBe(10);
        times.push(performance.now() - began);
      }
      return times.sort((a, b) => a - b)[100] as number;
    }
    measure(1_000);
    // log n grows from 10 to 20; a walk over all would take a thousand times as long.
    expect(measure(1_000_000)).toBeLessThan(20 * measure(1_000) + 0.5);
  });
});
