import type { RateLimiter } from "../create-rate-limiter.ts";
import { createGuard, type GuardOptions } from "../http/guard.ts";

/** The part of hono's context that is used, by shape. */
export interface HonoContext {
  res: Response;
  header(name: string, value: string): void;
  body(data: string, status: 429, headers: Record<string, string>): Response;
  // biome-ignore lint/suspicious/noExplicitAny: the variables of an application have types of its own
  set(key: any, value: any): void;
}

/** What `app.use` of hono takes. */
export type HonoMiddleware<C extends HonoContext> = (
  context: C,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

/** Options of the middleware for hono. */
export interface RateLimitOptions<C extends HonoContext> extends GuardOptions<C> {
  /** Answers a refusal instead of the problem details; the fields are set already. */
  refused?:
    | ((context: C, result: import("../result.ts").RateLimitResult) => Response | Promise<Response>)
    | undefined;
}

/**
 * Middleware for hono 4. The result is `c.get("rateLimit")` further on.
 *
 * ```ts
 * app.use(rateLimit(limiter, { subject: (c) => c.req.header("authorization") ?? null }));
 * ```
 * @throws InvalidOptionError
 */
export function rateLimit<C extends HonoContext>(
  limiter: RateLimiter,
  options: RateLimitOptions<C>,
): HonoMiddleware<C> {
  const judge = createGuard(limiter, options);
  const { refused } = options;
  return async (context, next) => {
    const verdict = await judge(context);
    if (verdict === null) {
      await next();
      return undefined;
    }
    const { result, fields, body, contentType } = verdict;
    context.set("rateLimit", result);
    for (const [name, value] of Object.entries(fields)) context.header(name, value);
    if (result.allowed) await next();
    else if (refused === undefined) return context.body(body, 429, { "Content-Type": contentType });
    else context.res = await refused(context, result);
    // A response that was not made by the context, such as that of `fetch`, has none of them yet. An inner limiter's stay.
    for (const [name, value] of Object.entries(fields)) {
      if (!context.res.headers.has(name)) context.header(name, value);
    }
    return undefined;
  };
}
