import { describe, expect, it } from "vitest";
import {
  capitalize,
  clock,
  compactDollars,
  day,
  dollars,
  millions,
  milliseconds,
  percent,
  span,
  times,
  whole,
} from "./format.ts";

describe("figures for people", () => {
  it.each([
    [whole(8800), "8,800"],
    [dollars(1054.5), "$1,055"],
    [compactDollars(10_005_534), "$10M"],
    [millions(1100.04), "$1,100.0M"],
    [percent(0.6316), "63.2%"],
    [milliseconds(0.0321), "32\u00a0µs"],
    [milliseconds(3.456), "3.46\u00a0ms"],
    [milliseconds(42.25), "42.3\u00a0ms"],
    [milliseconds(1234.5), "1235\u00a0ms"],
    [times(4.26), "4.3×"],
    [span(45), "45 s"],
    [span(900), "15 min"],
    [span(7200), "2 h"],
    [times(123.4), "123×"],
    [day("2017-03-09"), "9 Mar 2017"],
    [capitalize("medical"), "Medical"],
  ])("%s is %s", (shown, expected) => expect(shown).toBe(expected));

  it("are written as the browser's own formatters would write them, which take too long to begin", () => {
    const millionsOf = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
    const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
    const plain = new Intl.NumberFormat("en-US");
    const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
    const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
    for (let step = 1; step <= 1_000; step++) {
      // From 1 to 10 billion in small steps, and what is next to a change of unit.
      const value = Math.round(1.0233 ** step);
      for (const figure of [value, value * 50, Math.abs(10 ** (step % 13) - (step % 70))]) {
        expect(whole(figure)).toBe(plain.format(figure));
        expect(compactDollars(figure)).toBe(`$${compact.format(figure)}`);
        expect(millions(figure / 100)).toBe(`$${millionsOf.format(figure / 100)}M`);
      }
      const at = new Date(step * 4_000_000_700);
      expect(day(at.toISOString())).toBe(date.format(at));
      expect(clock(at)).toBe(time.format(at));
    }
  });

  it("says nothing where nothing is known", () => {
    const unknown = [
      whole(null),
      dollars(undefined),
      compactDollars(null),
      millions(null),
      percent(undefined),
    ];
    expect([...unknown, milliseconds(Number.NaN), times(Number.POSITIVE_INFINITY), day(null)]).toEqual(
      Array(8).fill("–"),
    );
  });
});
