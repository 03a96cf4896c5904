import { CacheError } from "@crm/cache-core";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ApiError } from "../services/api-response.ts";

/** A refusal as `application/problem+json` (RFC 9457). */
export interface Problem {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly code: string;
  readonly detail?: string | undefined;
  /** Where it failed; in development alone. */
  readonly stack?: string | undefined;
  /** For input: which field, and what is wrong with it. */
  readonly errors?: readonly { path: string; message: string }[] | undefined;
}

export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export function problemResponse(c: Context, problem: Problem): Response {
  const body = { type: "about:blank", ...problem, instance: c.req.path };
  return c.body(JSON.stringify(body), problem.status, {
    "content-type": "application/problem+json; charset=utf-8",
  });
}

const STATUS = { NOT_FOUND: 404, CONFLICT: 409, UNPROCESSABLE: 422 } as const;
const TITLE = { NOT_FOUND: "Not found", CONFLICT: "Conflict", UNPROCESSABLE: "Not possible" } as const;

export function problemOf({ code, message }: ApiError): Problem {
  return { status: STATUS[code], title: TITLE[code], code, detail: message };
}

/** What is not ours to explain (Hono's own refusals) keeps its status; everything else is a 500 without details. */
export function problemOfError(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof HTTPException)
    return {
      status: error.status as ContentfulStatusCode,
      title: error.message || "Refused",
      code: "REFUSED",
    };
  // The store does not answer, or a lock cannot be had: nothing is wrong with the request.
  if (CacheError.isInstance(error) && error.retryable) {
    const why = error.code === "STORE_UNAVAILABLE" ? "The cache's store does not answer. " : "";
    return { status: 503, title: "Not available", code: error.code, detail: `${why}Try again in a moment` };
  }
  return {
    status: 500,
    title: "Internal error",
    code: "INTERNAL",
    detail: "The server's log has the details",
  };
}

export const notSignedIn = (): ProblemError =>
  new ProblemError({
    status: 401,
    title: "Not signed in",
    code: "NOT_SIGNED_IN",
    detail: "POST /api/session first",
  });
