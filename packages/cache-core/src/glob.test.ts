import { describe, expect, it } from "vitest";
import { compileGlob, escapeGlob } from "./glob.ts";

describe("compileGlob", () => {
  it.each([
    ["companies:*", "companies:1:list", true],
    ["companies:*", "companies:", true],
    ["companies:*", "company:1", false],
    ["projects:*:tasks", "projects:7:tasks", true],
    ["projects:*:tasks", "projects:7:8:tasks", true],
    ["projects:*:tasks", "projects:tasks", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*a*b*", "xaxbx", true],
    ["*a*b*", "xbxax", false],
    ["*ab*ab", "ab", false],
    ["h?llo", "hello", true],
    ["h?llo", "hllo", false],
    ["[abc]", "b", true],
    ["[^abc]", "b", false],
    ["[a-c]", "b", true],
    ["[c-a]", "b", true],
    ["[a\\-c]", "b", false],
    ["[a\\-c]", "-", true],
    ["[]", "]", false],
    ["[]", "[", false],
    ["[^]", "x", true],
    ["[", "[", false],
    ["[^", "x", true],
    ["[ab", "b", true],
    ["[a-", "-", true],
    ["[a-]", "a", true],
    ["[\\", "\\", true],
    ["\\", "\\", true],
    ["a\\", "a\\", true],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["{a,b}", "a", false],
    ["{a,b}", "{a,b}", true],
    ["*", "", false],
    ["", "", true],
    ["?", "š", false],
    ["??", "š", true],
    ["????", "😀", true],
    ["*", "😀", true],
    ["š*č", "š€č", true],
    ["[š]", "š", false],
    ["[š][š]", "š", true],
  ])("%s against %s: %s", (pattern, text, expected) => {
    expect(compileGlob(pattern).matches(text)).toBe(expected);
  });

  it.each([
    ["companies:7", "companies:7", true, false],
    ["", "", true, false],
    ["a\\*b", "a*b", true, false],
    ["companies:*", "companies:", false, true],
    ["companies:**", "companies:", false, true],
    ["*", "", false, true],
    ["a\\?*", "a?", false, true],
    ["š*", "š", false, true],
    ["a*b", "a", false, false],
    ["a?", "a", false, false],
    ["a[b]", "a", false, false],
    ["?*", "", false, false],
    ["€:[a]*", "€:", false, false],
  ])("tells the shape of %s", (pattern, literalPrefix, exact, prefixOnly) => {
    expect(compileGlob(pattern)).toMatchObject({ literalPrefix, exact, prefixOnly });
  });

  it("does not blow up on stars that cannot be satisfied", () => {
    const text = "a".repeat(1_024);
    const started = performance.now();
    expect(compileGlob(`${"a*".repeat(500)}b`).matches(text)).toBe(false);
    expect(compileGlob(`${"a*".repeat(500)}[b]`).matches(text)).toBe(false);
    expect(compileGlob(`${"*?".repeat(500)}b`).matches(text)).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe("escapeGlob", () => {
  it("makes any text match itself and nothing else", () => {
    for (const text of ["*", "?", "[a]", "a\\b", "[^x]", "š*", "a-b", "\\"]) {
      const glob = compileGlob(escapeGlob(text));
      expect(glob).toMatchObject({ exact: true, literalPrefix: text });
      expect(glob.matches(text)).toBe(true);
      expect(glob.matches(`${text}x`)).toBe(false);
    }
  });

  it("leaves a text without special characters as it is", () => {
    expect(escapeGlob("companies:list:2026-11-23_{a}^š")).toBe("companies:list:2026-11-23_{a}^š");
  });
});
