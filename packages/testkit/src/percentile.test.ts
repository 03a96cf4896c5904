import { expect, test } from "vitest";
import { percentile } from "./percentile.ts";

test.each([
  [0, 1],
  [1, 1],
  [50, 5],
  [51, 6],
  [90, 9],
  [99, 10],
  [100, 10],
])("p%d of 1 to 10 is %d", (p, expected) => {
  expect(percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], p)).toBe(expected);
});

test("sorts as numbers and leaves its argument alone", () => {
  const values = [10, 9, 100];
  expect(percentile(values, 100)).toBe(100);
  expect(values).toEqual([10, 9, 100]);
});

test("no values, or a percentage beyond 100, are refused", () => {
  expect(() => percentile([], 50)).toThrow("no values");
  expect(() => percentile([1], 101)).toThrow("0 to 100");
  expect(() => percentile([1], Number.NaN)).toThrow("0 to 100");
});
