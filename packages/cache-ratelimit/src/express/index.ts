export {
  type FieldOptions,
  type HeaderStyle,
  type QuotaExceededProblem,
  quotaExceededProblem,
  rateLimitFields,
} from "../http/fields.ts";
export type { GuardOptions } from "../http/guard.ts";
export {
  type ExpressMiddleware,
  type ExpressResponse,
  type RateLimitOptions,
  rateLimit,
} from "./rate-limit.ts";
export {
  type RateLimitStore,
  type RateLimitStoreInfo,
  type RateLimitStoreOptions,
  rateLimitStore,
} from "./rate-limit-store.ts";
