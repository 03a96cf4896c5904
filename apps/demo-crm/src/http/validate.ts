import type { MiddlewareHandler } from "hono";
import type { z } from "zod";
import { ProblemError } from "./problem.ts";

const WHERE: Readonly<Record<string, string>> = { json: "body", param: "path" };

/** What is wrong with an input, field by field. */
export function invalidInput(error: Pick<z.ZodError, "issues">, target: string): ProblemError {
  const errors = error.issues.slice(0, 20).map(({ path, message }) => ({
    path: [WHERE[target] ?? target, ...path.map(String)].join(".").slice(0, 200),
    message: message.slice(0, 300),
  }));
  return new ProblemError({ status: 400, title: "Bad request", code: "INVALID_INPUT", errors });
}

/**
 * A JSON body. Its content type is required: a browser lets any page post `text/plain` to this machine without asking,
 * but not `application/json`.
 */
export const requireJson: MiddlewareHandler = async (c, next) => {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new ProblemError({
      status: 415,
      title: "Unsupported media type",
      code: "MEDIA_TYPE",
      detail: "Send application/json",
    });
  try {
    await c.req.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ProblemError({
      status: 400,
      title: "Bad request",
      code: "BAD_JSON",
      detail: "The body is not JSON",
    });
  }
  await next();
};
