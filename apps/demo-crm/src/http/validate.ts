import type { Context } from "hono";
import type { z } from "zod";
import { ProblemError } from "./problem.ts";

export function paramOf<S extends z.ZodType>(c: Context, schema: S, name = "id"): z.output<S> {
  return check(schema, c.req.param(name), name);
}

export function queryOf<S extends z.ZodType>(c: Context, schema: S): z.output<S> {
  return check(schema, c.req.query(), "query");
}

/**
 * A JSON body. Its content type is required: a browser lets any page post `text/plain` to this machine without asking,
 * but not `application/json`.
 */
export async function bodyOf<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
    throw new ProblemError({
      status: 415,
      title: "Unsupported media type",
      code: "MEDIA_TYPE",
      detail: "Send application/json",
    });
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ProblemError({
      status: 400,
      title: "Bad request",
      code: "BAD_JSON",
      detail: "The body is not JSON",
    });
  }
  return check(schema, body, "body");
}

function check<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, 20).map(({ path, message }) => ({
    path: [where, ...path.map(String)].join(".").slice(0, 200),
    message: message.slice(0, 300),
  }));
  throw new ProblemError({ status: 400, title: "Bad request", code: "INVALID_INPUT", errors });
}
