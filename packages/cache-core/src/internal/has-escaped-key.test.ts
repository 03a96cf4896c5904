import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonCodec } from "../json-codec.ts";
import { hasEscapedKey } from "./has-escaped-key.ts";

/** By taking every text apart again. */
function hasOne(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  return keys.some((key) => JSON.stringify(key).includes("\\")) || Object.values(value).some(hasOne);
}

describe("hasEscapedKey", () => {
  it("tells keys that JSON escapes from values that it does", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.constantFrom("\\", '"', '\\"', '":', "a\nb", "\ud800"),
    );
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        text,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(text, tie("value"), { maxKeys: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(value, (each) => {
        expect(hasEscapedKey(JSON.stringify(each))).toBe(hasOne(each));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("keys that V8 may take for others", () => {
  const codec = jsonCodec();
  const carried = <T>(value: T): T => {
    const { bytes, hint } = codec.encode(value);
    return codec.decode(bytes, hint) as T;
  };

  it.each(["\n", '"', "\u0001", "\ud800", "\u0001\u0002"])(
    "carries %j behind what begins like its escape",
    (key) => {
      const written = JSON.stringify(key).slice(1);
      for (let length = 1; length < written.length; length++) {
        const before = `${written} ${length}`.replaceAll(/\W/g, "_");
        // From now on V8 expects this key behind the one before, and finds it where the text begins like it.
        JSON.parse(JSON.stringify({ [before]: 1, [written.slice(0, length)]: 2 }));
        const value = { [before]: 1, [key]: 2 };
        expect(Object.entries(carried(value))).toEqual(Object.entries(value));
        expect(carried([{ [key]: new Map([[key, value]]) }])).toEqual([{ [key]: new Map([[key, value]]) }]);
      }
    },
  );

  it("leaves everything else as JSON", () => {
    const value = { text: 'a "quoted" line\n', list: ["\\", { deep: "\u0000" }] };
    const { bytes, hint } = codec.encode(value);
    expect([bytes.toString(), hint]).toEqual([JSON.stringify(value), 0]);
  });
});
