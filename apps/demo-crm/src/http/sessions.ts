import { setTimeout } from "node:timers/promises";
import { CacheError } from "@crm/cache-core";
import { quotaExceededProblem, rateLimitFields } from "@crm/cache-ratelimit/hono";
import type { MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { SESSION_TTL_SECONDS, signInService } from "../services/sign-in-service.ts";
import { credentials } from "./inputs.ts";
import { type ApiLimits, addressOf } from "./limits.ts";
import { ProblemError } from "./problem.ts";
import { RecentSessions } from "./recent-sessions.ts";
import { type AppContext, type AppEnv, createRouter, type Router, serve } from "./router.ts";

export interface SessionOptions {
  /** The cookie is for HTTPS only, and for this host alone. */
  readonly secure: boolean;
}

const SESSION_PATH = "/api/session";
/** A write whose session could not be read waits so long, and asks once more. */
const SECOND_LOOK_MS = 300;

const cookieName = ({ secure }: SessionOptions) => (secure ? "__Host-crm-session" : "crm-session");

/**
 * Finds out whose request it is. While the sessions cannot be read, whoever was seen here with a session in the last minute
 * goes on; for others, reading goes on as for somebody who has not signed in, while a write, and the question who has signed in, ask again and
 * are then refused with a 503: nobody is logged in, or out, by accident. The price: a session that is ended in another instance just then is
 * good here until the store answers again, for a minute at most.
 */
export function findSession(options: SessionOptions): MiddlewareHandler<AppEnv> {
  const seen = new RecentSessions();
  return async (c, next) => {
    const id = getCookie(c, cookieName(options));
    c.set("user", null);
    if (id) {
      try {
        const user = await signInService.find(id);
        seen.note(id, user);
        c.set("user", user);
      } catch (error) {
        if (!CacheError.isInstance(error)) throw error;
        const user = seen.find(id);
        if (user !== null || !hasToKnow(c.req)) c.set("user", user);
        else {
          // A store that is busy is away for a moment, and somebody has just pressed a button, or opened a page.
          await setTimeout(SECOND_LOOK_MS);
          const found = await signInService.find(id);
          seen.note(id, found);
          c.set("user", found);
        }
      }
    }
    await next();
    // Signed out, or in anew: the old session is not to outlive that.
    if (id && c.res.headers.has("set-cookie")) seen.note(id, null);
  };
}

/**
 * Refuses what another site makes a browser send. Browsers say where a request comes from; what is no browser says nothing, and
 * has no cookie that somebody else could ride on. The cookie is `SameSite=Strict` besides, and bodies have to be JSON.
 */
export const refuseCrossSite: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (!isSafe(c.req.method)) {
    const site = c.req.header("sec-fetch-site");
    const origin = c.req.header("origin");
    const foreign =
      site === undefined
        ? origin !== undefined && hostOf(origin) !== (c.req.header("host") ?? new URL(c.req.url).host)
        : site !== "same-origin" && site !== "none";
    if (foreign)
      throw new ProblemError({
        status: 403,
        title: "Refused",
        code: "CROSS_SITE",
        detail: "Requests that change something have to come from this site",
      });
  }
  await next();
};

/** An answer for nobody would be wrong, and not merely that of somebody else. */
const hasToKnow = ({ method, path }: { readonly method: string; readonly path: string }) =>
  !isSafe(method) || path === SESSION_PATH;
const isSafe = (method: string) => method === "GET" || method === "HEAD" || method === "OPTIONS";

/** Its eight hours go on from the last time then, which is no reason not to say whose it is. The cache's log says what is wrong. */
function failToKeep(error: unknown): void {
  if (!CacheError.isInstance(error)) throw error;
}

const hostOf = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : "");

/** `POST /` signs in, `GET /` says who has, `DELETE /` signs out. */
export function sessionRoutes(limits: ApiLimits, options: SessionOptions): Router {
  const router = createRouter();
  const tag = "session";
  const data = z.object({ user: z.string().nullable() });
  const attributes = { path: "/", httpOnly: true, sameSite: "Strict", secure: options.secure } as const;

  async function checkAttempt(c: AppContext, account: string): Promise<Response | null> {
    const result = await limits.signIns.check({ account, address: addressOf(c) });
    for (const [name, value] of Object.entries(rateLimitFields(result))) c.header(name, value);
    if (result.allowed) return null;
    return c.body(JSON.stringify(quotaExceededProblem(result)), 429, {
      "content-type": "application/problem+json",
    });
  }

  serve(
    router,
    { method: "post", path: "/", tag, summary: "Signs in", body: credentials, data },
    async (c, { body }) => {
      const refused = await checkAttempt(c, body.user);
      if (refused) return refused;
      const signedIn = await signInService.signIn(body.user, body.password);
      if (!signedIn)
        throw new ProblemError({
          status: 401,
          title: "Not signed in",
          code: "WRONG_CREDENTIALS",
          detail: "The user or the password is wrong",
        });
      // A new id at every sign-in, so that one that was planted before is worth nothing.
      if (c.var.user) await signInService.signOut(c.var.user.sessionId);
      setCookie(c, cookieName(options), signedIn.sessionId, { ...attributes, maxAge: SESSION_TTL_SECONDS });
      return c.json({ data: { user: signedIn.userId } });
    },
  );
  serve(router, { method: "get", path: "/", tag, summary: "Who has signed in", data }, async (c) => {
    if (c.var.user) await signInService.keep(c.var.user.sessionId).catch(failToKeep);
    return c.json({ data: { user: c.var.user?.userId ?? null } });
  });
  serve(router, { method: "delete", path: "/", tag, summary: "Signs out", data }, async (c) => {
    if (c.var.user) await signInService.signOut(c.var.user.sessionId);
    deleteCookie(c, cookieName(options), attributes);
    return c.json({ data: { user: null } });
  });
  return router;
}
