import type { RateLimiter } from "../create-rate-limiter.ts";
import { createGuard, type GuardOptions } from "../http/guard.ts";
import type { RateLimitResult } from "../result.ts";

/** The part of express's response (and Node's) that is used, by shape. */
export interface ExpressResponse {
  setHeader(name: string, value: string): unknown;
  statusCode: number;
  end(body: string): unknown;
  locals?: Record<string, unknown> | undefined;
}

/** What `app.use` of Express takes. */
export type ExpressMiddleware<Q, S extends ExpressResponse> = (
  request: Q,
  response: S,
  next: (error?: unknown) => void,
) => void;

/** Options of the middleware for Express. */
export interface RateLimitOptions<Q, S extends ExpressResponse> extends GuardOptions<Q> {
  /** Answers a refusal instead of the problem details; the fields and the status are set already. */
  refused?: ((request: Q, response: S, result: RateLimitResult) => unknown) | undefined;
}

/**
 * Middleware for express 4 and 5, or anything else that calls `(request, response, next)`. The result is
 * `response.locals.rateLimit` further on.
 *
 * ```ts
 * app.use(rateLimit(limiter, { subject: (request) => request.user?.id ?? null }));
 * ```
 * @throws InvalidOptionError
 */
export function rateLimit<Q, S extends ExpressResponse>(
  limiter: RateLimiter,
  options: RateLimitOptions<Q, S>,
): ExpressMiddleware<Q, S> {
  const judge = createGuard(limiter, options);
  const { refused } = options;
  return (request, response, next) => {
    judge(request)
      .then((verdict) => {
        if (verdict === null) return next();
        const { result, fields, body, contentType } = verdict;
        if (response.locals !== undefined) response.locals.rateLimit = result;
        for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
        if (result.allowed) return next();
        response.statusCode = 429;
        if (refused !== undefined) return refused(request, response, result);
        response.setHeader("Content-Type", contentType);
        return response.end(body);
      })
      .catch(next);
  };
}
