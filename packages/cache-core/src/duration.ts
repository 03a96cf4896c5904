import { InvalidDurationError } from "./errors.ts";

/** Seconds as a number, or a number with a unit: `"250ms"`, `"30s"`, `"5m"`, `"1h"`, `"7d"`. */
export type Duration = number | DurationText;
/** The textual form of a duration. */
export type DurationText = `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** Ten years of 365 days: longer is a mistake of units, and far below what Redis and a double hold exactly. */
const MAX_MS = 315_360_000_000;
const MAX_CACHED_TEXTS = 256;

/** Texts that were parsed before, in ms. Few in a program, but asked for with every call. */
let parsedTexts: Map<string, number> | undefined;

/**
 * Whole milliseconds of a duration, above 0 and up to ten years. Less than a millisecond counts as one; other
 * fractions are rounded.
 *
 * @param parameter name of the parameter or option, for the error
 * @throws InvalidDurationError
 */
export function parseDuration(value: unknown, parameter: string): number {
  const ms = typeof value === "number" ? value * 1000 : parseText(value);
  // Written so that NaN fails both comparisons.
  if (ms > 0 && ms <= MAX_MS) return ms < 1 ? 1 : Math.round(ms);
  throw new InvalidDurationError({ parameter, received: value });
}

/** As `parseDuration`, where 0 has a meaning, such as "off". */
export function parseDurationOrZero(value: unknown, parameter: string): number {
  const ms = typeof value === "number" ? value * 1000 : parseText(value);
  if (ms > 0 && ms <= MAX_MS) return ms < 1 ? 1 : Math.round(ms);
  if (ms === 0) return 0;
  throw new InvalidDurationError({ parameter, received: value, zeroAllowed: true });
}

/** Milliseconds of a textual duration, unrounded; NaN for anything else. */
function parseText(value: unknown): number {
  if (typeof value !== "string") return Number.NaN;
  const known = parsedTexts?.get(value);
  if (known !== undefined) return known;

  // The length is bounded first: what is kept in the map, and what the expression has to look at.
  const match = value.length <= 32 ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null;
  if (match === null) return Number.NaN;
  const ms = Number(match[1]) * unitMs(match[2]!);

  parsedTexts ??= new Map();
  if (parsedTexts.size >= MAX_CACHED_TEXTS) parsedTexts.clear();
  parsedTexts.set(value, ms);
  return ms;
}

function unitMs(unit: string): number {
  switch (unit) {
    case "ms":
      return 1;
    case "s":
      return 1000;
    case "m":
      return 60_000;
    case "h":
      return 3_600_000;
    default:
      return 86_400_000;
  }
}
