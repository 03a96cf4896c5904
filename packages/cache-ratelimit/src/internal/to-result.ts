import type { RateLimitResult, RuleResult } from "../result.ts";
import type { CompiledPlan } from "./compiled-plan.ts";

/** Numbers of a reply for each rule: cost left, ms until all is back, ms to wait. */
export const FIGURES = 3;

/**
 * Makes the caller's result from a reply.
 *
 * @param elapsedMs how long ago the figures were right
 */
export function toResult(
  plan: CompiledPlan,
  figures: readonly number[],
  from: number,
  decidedBy: RateLimitResult["decidedBy"],
  elapsedMs: number,
): RateLimitResult {
  const limits: RuleResult[] = [];
  const violated: string[] = [];
  let shadowed: string[] = NONE;
  let remaining = Number.POSITIVE_INFINITY;
  let resetIn = 0;
  let retryAfter = 0;
  for (let i = 0, at = from; i < plan.rules.length; i++, at += FIGURES) {
    const { name, windowMs, shadow } = plan.rules[i] as CompiledPlan["rules"][number];
    const left = figures[at] as number;
    const reset = Math.max(0, (figures[at + 1] as number) - elapsedMs) / 1000;
    const wait = Math.max(0, (figures[at + 2] as number) - elapsedMs) / 1000;
    limits.push({
      name,
      limit: plan.limits[i] as number,
      window: windowMs / 1000,
      remaining: left,
      resetIn: reset,
      retryAfter: wait,
      shadow,
    });
    if (wait > 0 && shadow) shadowed = [...shadowed, name];
    if (shadow && !plan.onlyShadows) continue;
    if (wait > 0 && !shadow) {
      violated.push(name);
      if (wait > retryAfter) retryAfter = wait;
    }
    if (left < remaining || (left === remaining && reset > resetIn)) {
      remaining = left;
      resetIn = reset;
    }
  }
  return {
    allowed: violated.length === 0,
    remaining,
    resetIn,
    retryAfter,
    violated,
    shadowed,
    limits,
    decidedBy,
  };
}

const NONE: string[] = [];
