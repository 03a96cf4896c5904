import { describe, expect, it } from "vitest";
import { oneOf, pageNumber, text } from "./search-params.ts";

describe("what the address says", () => {
  it("a page is a whole number above the first", () => {
    expect([2, "3", 1, 0, -1, 1.5, "x", undefined, 1e9].map(pageNumber)).toStrictEqual([
      { page: 2 },
      { page: 3 },
      ...Array(7).fill({ page: undefined }),
    ]);
  });
  it("a text has no blanks around it and an end", () => {
    expect(text("q", "  tech ")).toEqual({ q: "tech" });
    expect([text("q", " "), text("q", {}), text("q", undefined)]).toStrictEqual(
      Array(3).fill({ q: undefined }),
    );
    expect(text("q", "x".repeat(500)).q).toHaveLength(200);
  });
  it("a word is one of those that exist", () => {
    expect(oneOf("status", "done", ["open", "done"])).toEqual({ status: "done" });
    expect(oneOf("status", "gone", ["open", "done"])).toStrictEqual({ status: undefined });
  });
});
