export { type HeaderStyle, quotaExceededProblem, rateLimitFields } from "../http/fields.ts";
export { type FastifyHook, type FastifyReplyLike, type RateLimitOptions, rateLimit } from "./rate-limit.ts";
