export {
  type AcquireOptions,
  type CheckOptions,
  createRateLimiter,
  type LimitOverrides,
  type RateLimiter,
  type Subject,
} from "./create-rate-limiter.ts";
export {
  CostExceedsLimitError,
  type CostExceedsLimitErrorParameters,
  RateLimiterClosedError,
} from "./errors.ts";
export type { RateLimiterStats } from "./internal/engine.ts";
export {
  type RateLimitActions,
  type RateLimitActionsOptions,
  type RateLimitCheck,
  type RateLimitInfo,
  rateLimitActions,
} from "./rate-limit-actions.ts";
export type { AcquireResult, RateLimitResult, RuleResult } from "./result.ts";
export type {
  Algorithm,
  DenyCacheOptions,
  RateLimiterOptions,
  RateLimitRule,
  ResolvedRule,
  UnavailablePolicy,
} from "./rules.ts";
export { worstCase } from "./worst-case.ts";
