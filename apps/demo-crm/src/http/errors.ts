import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Logger } from "pino";
import type { ApiResponse } from "../services/api-response.ts";
import { answerOtherMethods } from "./other-methods.ts";
import { notFoundPage } from "./page.ts";
import { problemOf, problemOfError, problemResponse } from "./problem.ts";
import type { Router } from "./router.ts";

export function errorHandler(logger: Logger, { withStack }: { withStack: boolean }): ErrorHandler {
  return (error, c) => {
    const problem = problemOfError(error);
    // The stack goes to the log, and to the client only where its developer asked for it.
    if (problem.status >= 500)
      logger.error({ err: error, method: c.req.method, path: c.req.path }, "request failed");
    const stack = withStack && problem.status === 500 ? error.stack : undefined;
    return problemResponse(c, stack === undefined ? problem : { ...problem, stack });
  };
}

/** A page for a browser, what there is for who came with another method, and a problem for everybody else. */
export function notFound(api: Router): NotFoundHandler {
  const page = notFoundPage();
  const otherMethods = answerOtherMethods(api);
  return (c) =>
    page(c) ??
    otherMethods(c) ??
    problemResponse(c, {
      status: 404,
      title: "Not found",
      code: "NOT_FOUND",
      detail: `Nothing is served at ${c.req.path}`,
    });
}

/** What a service answered, as HTTP. A write says in `meta.cache`, and in a header, what became of the cache. */
export function respond<T>(
  c: Context,
  response: ApiResponse<T>,
  status: ContentfulStatusCode = 200,
): Response {
  if (!response.success) return problemResponse(c, problemOf(response.error));
  if (!response.write) return c.json({ data: response.data }, status);
  c.header("x-cache-invalidation", response.write.cache);
  return c.json({ data: response.data, meta: response.write }, status);
}
