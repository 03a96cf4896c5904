export {
  type FieldOptions,
  type HeaderStyle,
  type QuotaExceededProblem,
  quotaExceededProblem,
  rateLimitFields,
} from "../http/fields.ts";
export type { GuardOptions } from "../http/guard.ts";
export { type HonoContext, type HonoMiddleware, type RateLimitOptions, rateLimit } from "./rate-limit.ts";
