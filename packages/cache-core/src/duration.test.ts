import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration, parseDurationOrZero } from "./duration.ts";
import { InvalidDurationError } from "./errors.ts";

describe("parseDuration", () => {
  it.each([
    [1, 1000],
    [300, 300_000],
    [0.25, 250],
    [0.07, 70],
    [1.0004, 1000],
    [315_360_000, 315_360_000_000],
    ["1ms", 1],
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["1.5h", 5_400_000],
    ["0.5s", 500],
    ["3650d", 315_360_000_000],
  ])("%s is %i ms", (value, ms) => {
    expect(parseDuration(value, "ttl")).toBe(ms);
    expect(parseDurationOrZero(value, "ttl")).toBe(ms);
  });

  it("counts less than a millisecond as one", () => {
    for (const value of [0.0001, Number.MIN_VALUE, "0.001ms", "0.4ms"])
      expect(parseDuration(value, "ttl")).toBe(1);
  });

  it.each([
    [-1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY],
    [315_360_001],
    ["3651d"],
    [""],
    ["5"],
    ["s"],
    ["5 m"],
    [" 5m"],
    ["5m "],
    ["5m\n"],
    ["-5m"],
    ["+5m"],
    ["1e3s"],
    [".5s"],
    ["5.s"],
    ["0x10s"],
    ["5M"],
    ["5w"],
    ["Infinitys"],
    ["1s1s"],
    [`${"0".repeat(40)}1s`],
    [undefined],
    [null],
    [true],
    [10n],
    [[5]],
    [{}],
    [new Date()],
    [new Number(5)],
    [{ valueOf: () => 5 }],
    [Symbol("5")],
  ])("refuses %s", (value) => {
    expect(() => parseDuration(value, "ttl")).toThrow(InvalidDurationError);
    expect(() => parseDurationOrZero(value, "ttl")).toThrow(InvalidDurationError);
  });

  it("accepts 0 only where it has a meaning", () => {
    for (const zero of [0, -0, "0s", "0ms", "0.0d"]) {
      expect(Object.is(parseDurationOrZero(zero, "staleTtl"), 0)).toBe(true);
      expect(() => parseDuration(zero, "ttl")).toThrow(InvalidDurationError);
      // Again, from the texts that were parsed before.
      expect(() => parseDuration(zero, "ttl")).toThrow(InvalidDurationError);
    }
  });

  it("names the parameter", () => {
    expect(() => parseDuration("soon", "defaults.ttl")).toThrow(
      expect.objectContaining({ parameter: "defaults.ttl", received: 'the string "soon"' }),
    );
  });

  it("stays right when more texts come than it remembers", () => {
    for (let round = 0; round < 2; round++) {
      for (let seconds = 1; seconds <= 1000; seconds++) {
        expect(parseDuration(`${seconds}s`, "ttl")).toBe(seconds * 1000);
      }
    }
  });

  it("gives whole milliseconds above 0 or refuses, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.string(), fc.stringMatching(/^\d{1,12}(\.\d{1,5})?(ms|s|m|h|d)$/)),
        (value) => {
          try {
            const ms = parseDuration(value, "ttl");
            expect(Number.isSafeInteger(ms) && ms > 0 && ms <= 315_360_000_000).toBe(true);
          } catch (error) {
            expect(InvalidDurationError.isInstance(error)).toBe(true);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});
