import { compileGlob } from "@crm/cache-core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { withoutCovered } from "./prepare-unit.ts";

it("leaves out what a trailing star covers, and keeps the order", () => {
  expect(withoutCovered(["a:list:*", "b:1", "a:*", "a:x", "a:*", "c:*:x"])).toEqual(["b:1", "a:*", "c:*:x"]);
  expect(withoutCovered(["*", "a:*", "a"])).toEqual(["*"]);
  expect(withoutCovered(["a:\\*", "a:\\**"])).toEqual(["a:\\**"]);
});

it("does not compare each pattern with every other one", () => {
  const patterns = Array.from({ length: 40_000 }, (_, i) => `companies:list:of:one:kind:${i}:*`);
  expect(withoutCovered(patterns)).toHaveLength(40_000);
}, 5_000);

it("matches the same texts as before", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", ":", "*", "\\"), minLength: 1, maxLength: 5 });
  const text = fc.string({ unit: fc.constantFrom("a", ":", "*", "\\"), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 6 }), fc.array(text, { maxLength: 20 }), (patterns, texts) => {
      const kept = withoutCovered(patterns);
      for (const each of texts) {
        const before = patterns.some((glob) => compileGlob(glob).matches(each));
        expect(kept.some((glob) => compileGlob(glob).matches(each))).toBe(before);
      }
    }),
    { numRuns: 2_000 },
  );
});
