import { InvalidOptionError } from "@crm/cache-core";
import type { WireRule } from "../scripts/plan.ts";
import type { CheckedRule } from "./resolve-rules.ts";

/**
 * The rule as the scripts see it, for one limit. Everything there is whole numbers below 2^53, so that Lua, TypeScript
 * and mathematics agree to the last unit; a rule for which that is impossible is refused.
 *
 * A bucket drains `limit` units in `window` ms, both divided by what they have in common, and a cost of 1 weighs
 * `window` units: no rounding, whatever the rate.
 */
export function compileRule(rule: CheckedRule, limit: number, subject: number): WireRule {
  const { part, algorithm, windowMs, record } = rule;
  const shadow = rule.shadow ? 1 : 0;
  switch (algorithm) {
    case "fixed-window":
      return [part, "f", limit, windowMs, 0, 0, shadow, subject, record];
    case "sliding-log":
      if (limit > 2 ** 31 - 1) inexact(rule, limit, "a stored hit has 32 bits for its cost");
      return [
        part,
        "l",
        limit,
        windowMs,
        limit <= rule.maxHits ? 1 : Math.ceil(windowMs / rule.maxHits),
        0,
        shadow,
        subject,
        record,
      ];
    case "sliding-counter":
      if (limit * windowMs > 2 ** 50) inexact(rule, limit, "limit × window in ms may be up to 2^50");
      return [part, "c", limit, windowMs, 0, 0, shadow, subject, record];
    default: {
      const common = greatestCommonDivisor(limit, windowMs);
      const weight = windowMs / common;
      const capacity = rule.burst ?? limit;
      if (capacity * weight > 2 ** 51) inexact(rule, limit, "burst × window in ms may be up to 2^51");
      return [part, "b", capacity, windowMs, weight, limit / common, shadow, subject, record];
    }
  }
}

/** The same with this process's share of the limit, for the time in which the store is away. */
export function compileShare(rule: CheckedRule, limit: number, subject: number): WireRule {
  const share = (n: number): number => Math.max(1, Math.floor(n * rule.localShare));
  const burst = rule.burst === null ? null : share(rule.burst);
  return compileRule({ ...rule, burst }, share(limit), subject);
}

function inexact(rule: CheckedRule, limit: number, reason: string): never {
  throw new InvalidOptionError({
    options: [`rules.${rule.name}.limit`, `rules.${rule.name}.window`],
    reason: `${limit} in ${rule.windowMs} ms cannot be counted exactly by a ${rule.algorithm}: ${reason}`,
    advice: 'Lower one of them, or use the algorithm "fixed-window".',
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
