import { parseDuration } from "../duration.ts";
import { InvalidOptionError } from "../errors.ts";
import type { RedisStoreOptions } from "./options.ts";

/** A duration in ms within bounds, or `InvalidOptionError`. */
export function boundedDuration(
  value: NonNullable<RedisStoreOptions["commandTimeout"]>,
  option: string,
  min: number,
  max: number,
): number {
  const ms = parseDuration(value, option);
  if (ms < min || ms > max) {
    throw new InvalidOptionError({
      option,
      received: value,
      expected: `a duration from ${min} ms to ${max} ms`,
    });
  }
  return ms;
}

/** A whole number within bounds, or `InvalidOptionError`. */
export function wholeNumber(value: number, option: string, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidOptionError({
      option,
      received: value,
      expected: `a whole number from ${min} to ${max}`,
    });
  }
  return value;
}
