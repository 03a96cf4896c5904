import type { RateLimiter } from "../create-rate-limiter.ts";
import { createGuard, type GuardOptions } from "../http/guard.ts";
import type { RateLimitResult } from "../result.ts";

/** The part of fastify's reply that is used, by shape. */
export interface FastifyReplyLike {
  header(name: string, value: string): unknown;
  code(status: number): unknown;
  send(body: string): unknown;
}

/** What `app.addHook("onRequest", …)` of Fastify takes. */
export type FastifyHook<Q extends object, P extends FastifyReplyLike> = (
  request: Q,
  reply: P,
) => Promise<unknown>;

/** Options of the hook for Fastify. */
export interface RateLimitOptions<Q extends object, P extends FastifyReplyLike> extends GuardOptions<Q> {
  /** Answers a refusal instead of the problem details; the fields and the status are set already. Returns the reply. */
  refused?: ((request: Q, reply: P, result: RateLimitResult) => unknown) | undefined;
}

/**
 * An `onRequest` hook (or `preHandler`, when the subject needs a body) for fastify 5. No plugin: it works for the whole
 * application, for a scope, and for one route.
 *
 * ```ts
 * app.addHook("onRequest", rateLimit(limiter, { subject: (request) => request.ip }));
 * app.get("/report", { onRequest: rateLimit(strict, { subject: (request) => request.ip }) }, handler);
 * ```
 * @throws InvalidOptionError
 */
export function rateLimit<Q extends object, P extends FastifyReplyLike>(
  limiter: RateLimiter,
  options: RateLimitOptions<Q, P>,
): FastifyHook<Q, P> {
  const judge = createGuard(limiter, options);
  const { refused } = options;
  return async (request, reply) => {
    const verdict = await judge(request);
    if (verdict === null) return undefined;
    const { result, fields, body, contentType } = verdict;
    for (const [name, value] of Object.entries(fields)) reply.header(name, value);
    if (result.allowed) return undefined;
    reply.code(429);
    if (refused !== undefined) return refused(request, reply, result);
    reply.header("Content-Type", contentType);
    return reply.send(body);
  };
}
