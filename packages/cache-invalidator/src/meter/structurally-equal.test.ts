import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { structurallyEqual } from "./structurally-equal.ts";

class Row {
  id = 1;
}

describe("structurallyEqual", () => {
  test.each<[unknown, unknown]>([
    [1, 1],
    [Number.NaN, Number.NaN],
    [0, -0],
    [null, null],
    [new Date(5), new Date(5)],
    [new Date(Number.NaN), new Date(Number.NaN)],
    [new Row(), { id: 1 }],
    [{ a: 1, b: undefined }, { a: 1 }],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [
      [1, [2, { a: [] }]],
      [1, [2, { a: [] }]],
    ],
    [new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])],
    [new Set([1, 2]), new Set([1, 2])],
    [Buffer.from("ab"), new Uint8Array([97, 98])],
  ])("takes %o and %o for the same", (a, b) => {
    expect([structurallyEqual(a, b), structurallyEqual(b, a)]).toEqual([true, true]);
  });

  test.each<[unknown, unknown]>([
    [1, "1"],
    [null, undefined],
    [null, {}],
    [[], {}],
    [new Date(5), new Date(6)],
    [new Date(5), "1970-01-01T00:00:00.005Z"],
    [{ a: 1 }, { a: 1, b: null }],
    [{ a: undefined }, { constructor: 1 }],
    [{ constructor: Object }, {}],
    [[1, 2], [1]],
    [[undefined], []],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Map(), {}],
    [new Set([1]), [1]],
    [Buffer.from("ab"), Buffer.from("abc")],
    [Buffer.from("ab"), [97, 98]],
  ])("tells %o from %o", (a, b) => {
    expect([structurallyEqual(a, b), structurallyEqual(b, a)]).toEqual([false, false]);
  });

  test("agrees with JSON on what JSON can carry", () => {
    const value = fc.jsonValue();
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(structurallyEqual(a, JSON.parse(JSON.stringify(a)))).toBe(true);
        // Sorted keys and the sign of zero apart, different text means different data.
        const text = (each: unknown): string =>
          JSON.stringify(each, (_, v) =>
            v !== null && typeof v === "object" && !Array.isArray(v)
              ? Object.fromEntries(Object.entries(v).sort(([x], [y]) => (x < y ? -1 : 1)))
              : v,
          );
        expect(structurallyEqual(a, b)).toBe(text(a) === text(b));
      }),
    );
  });
});
