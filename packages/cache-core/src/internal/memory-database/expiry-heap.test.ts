import { seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import { type Expiring, ExpiryHeap } from "./expiry-heap.ts";

it("always knows the earliest, and holds each item once", () => {
  const random = seededRandom(3);
  const heap = new ExpiryHeap<Expiring>();
  const items = Array.from({ length: 200 }, () => ({ heapIndex: -1 }));
  const model = new Map<Expiring, number>();
  for (let i = 0; i < 20_000; i++) {
    const item = random.pick(items);
    if (random.chance(0.3)) {
      heap.remove(item);
      model.delete(item);
    } else {
      const at = random.int(0, 1_000);
      heap.schedule(item, at);
      model.set(item, at);
    }
    expect(heap.size).toBe(model.size);
    const earliest = heap.earliest;
    if (earliest === undefined) expect(model.size).toBe(0);
    else expect(model.get(earliest)).toBe(Math.min(...model.values()));
  }
});

it("gives items back in the order of their times", () => {
  const random = seededRandom(4);
  const heap = new ExpiryHeap<Expiring & { at: number }>();
  for (let i = 0; i < 1_000; i++) {
    const item = { heapIndex: -1, at: random.int(0, 100) };
    heap.schedule(item, item.at);
  }
  let last = -1;
  for (let item = heap.earliest; item !== undefined; item = heap.earliest) {
    expect(item.at).toBeGreaterThanOrEqual(last);
    last = item.at;
    heap.remove(item);
    expect(item.heapIndex).toBe(-1);
  }
});
