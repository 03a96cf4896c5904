import { expect, it } from "vitest";
import { compileGlob } from "./glob.ts";
import { globCovers } from "./glob-covers.ts";

it.each([
  ["companies:*", "companies:list:*", true],
  ["companies:*", "companies:industries", true],
  ["companies:list:*", "companies:*", false],
  ["projects:*", "projects:*:tasks", true],
  ["projects:*:tasks", "projects:7:tasks", true],
  ["projects:*:tasks", "projects:*", false],
  ["a?c", "abc", true],
  ["a?c", "a*c", false],
  ["a[bc]d", "a[b]d", true],
  ["a[bc]d", "a[a-c]d", false],
  ["*", "?*", true],
  ["?*", "*", true],
  ["users:\\*", "users:*", false],
  ["users:*", "users:\\*", true],
  ["*a*", "*a*b*", true],
  ["ab*", "ab", true],
  ["ab?", "ab", false],
  ["ab", "a", false],
  ["a", "ab", false],
  ["a", "b[]", true],
  ["[b]c*", "bc*", true],
])("%s covers %s: %s", (wide, narrow, expected) => {
  expect(globCovers(wide, narrow)).toBe(expected);
});

it("agrees with every short text, for every pair of short patterns", () => {
  const letters = ["a", "b", "*", "?", "[ab]"];
  const patterns = letters.flatMap((x) => letters.flatMap((y) => [x + y, ...letters.map((z) => x + y + z)]));
  const texts = ["a", "b", "c"].flatMap((x) =>
    ["", "a", "b", "c"].flatMap((y) => ["", "a", "b", "c"].map((z) => x + y + z)),
  );
  for (const wide of patterns) {
    const outer = compileGlob(wide);
    for (const narrow of patterns) {
      const inner = compileGlob(narrow);
      const counterexample = texts.some((text) => inner.matches(text) && !outer.matches(text));
      if (globCovers(wide, narrow)) expect(counterexample, `${wide} ⊇ ${narrow}`).toBe(false);
      else {
        const longer = texts.flatMap((x) => ["", "a", "b", "c", "ab", "cc"].map((y) => x + y));
        expect(
          longer.some((text) => inner.matches(text) && !outer.matches(text)),
          `${wide} ⊉ ${narrow}`,
        ).toBe(true);
      }
    }
  }
});
