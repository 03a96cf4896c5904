import { expect, test } from "vitest";
import { seededRandom } from "./seeded-random.ts";

test("a seed repeats its numbers, another seed has others", () => {
  const draw = (seed: number | string) => {
    const random = seededRandom(seed);
    return Array.from({ length: 20 }, () => random.int(0, 1_000_000));
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw("seven")).toEqual(draw("seven"));
  expect(new Set([draw(7), draw(8), draw(0.25), draw(0.75), draw("seven")].map(String)).size).toBe(5);
});

test("the numbers of a seed never change: failures of old runs stay reproducible", () => {
  const random = seededRandom(42);
  expect(Array.from({ length: 5 }, () => random.int(0, 999))).toMatchInlineSnapshot(`
    [
      601,
      448,
      852,
      669,
      174,
    ]
  `);
});

test("int covers its range, both ends included, evenly", () => {
  const random = seededRandom(1);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < 60_000; draw += 1) {
    const value = random.int(-2, 3);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3]);
  for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test("chance keeps its probability", () => {
  const random = seededRandom(2);
  const hits = Array.from({ length: 10_000 }, () => random.chance(0.2)).filter(Boolean).length;
  expect(Math.abs(hits - 2_000)).toBeLessThan(200);
  expect(random.chance(0)).toBe(false);
  expect(random.chance(1)).toBe(true);
});

test("shuffle returns a permutation and leaves its argument alone", () => {
  const random = seededRandom(3);
  const items = Object.freeze(Array.from({ length: 50 }, (_, index) => index));
  const shuffled = random.shuffle(items);
  expect(shuffled).not.toEqual(items);
  expect(shuffled.toSorted((a, b) => a - b)).toEqual(items);
});

test("pick takes each item, and refuses an empty list", () => {
  const random = seededRandom(4);
  expect(new Set(Array.from({ length: 100 }, () => random.pick(["a", "b", "c"]))).size).toBe(3);
  expect(() => random.pick([])).toThrow("empty list");
});
