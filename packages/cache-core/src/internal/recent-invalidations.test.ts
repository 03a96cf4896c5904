import { describe, expect, it } from "vitest";
import { Coverage } from "./coverage.ts";
import { RecentInvalidations } from "./recent-invalidations.ts";

const of = (key: string): Coverage => new Coverage({ keys: [key], tags: [], ranges: [], soft: false });

describe("RecentInvalidations", () => {
  it("knows what was invalidated since a mark, and not before it", () => {
    const recent = new RecentInvalidations();
    recent.add(of("a"));
    const mark = recent.mark;
    expect(recent.coveredSince(mark, "a", [])).toBe(false);
    recent.add(of("b"));
    expect(recent.coveredSince(mark, "a", [])).toBe(false);
    expect(recent.coveredSince(mark, "b", [])).toBe(true);
  });

  it("takes everything for invalidated after something unknown, or more than it remembers", () => {
    const recent = new RecentInvalidations();
    const mark = recent.mark;
    recent.addUnknown();
    expect(recent.coveredSince(mark, "a", [])).toBe(true);
    const later = recent.mark;
    expect(recent.coveredSince(later, "a", [])).toBe(false);
    for (let n = 0; n < 512; n++) recent.add(of("x"));
    expect(recent.coveredSince(later, "a", [])).toBe(false);
    recent.add(of("x"));
    expect(recent.coveredSince(later, "a", [])).toBe(true);
  });
});
