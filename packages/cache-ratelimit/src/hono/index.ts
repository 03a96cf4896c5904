export { type HeaderStyle, quotaExceededProblem, rateLimitFields } from "../http/fields.ts";
export { type HonoContext, type HonoMiddleware, type RateLimitOptions, rateLimit } from "./rate-limit.ts";
