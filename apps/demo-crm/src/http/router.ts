import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { z } from "zod";
import type { SignedIn } from "../services/sign-in-service.ts";
import { notSignedIn } from "./problem.ts";
import { invalidInput, requireJson } from "./validate.ts";

export interface AppEnv {
  Variables: {
    /** Whose session the request carries; `null` without one. */
    user: SignedIn | null;
  };
}
export type AppContext = Context<AppEnv>;
export type Router = OpenAPIHono<AppEnv>;

/** A router whose routes validate their input and appear in the OpenAPI document. */
export function createRouter(): Router {
  return new OpenAPIHono<AppEnv>({
    defaultHook(result) {
      if (!result.success) throw invalidInput(result.error, result.target);
    },
  });
}

interface Operation<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** As in OpenAPI: `/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** What is in `data` of the answer. */
  readonly data?: z.ZodType;
  /** @default 200 */
  readonly status?: 200 | 201 | undefined;
  /** Refused with a 401 without a session. @default false */
  readonly signedIn?: boolean | undefined;
}

interface Input<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
}

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().optional(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457" });

const refusals = (operation: Operation<z.ZodObject, z.ZodObject, z.ZodType>): Record<number, string> => ({
  ...(operation.params || operation.query || operation.body ? { 400: "The input is not valid" } : {}),
  ...(operation.signedIn ? { 401: "Sign in first" } : {}),
  ...(operation.params ? { 404: "Not found" } : {}),
  ...(operation.body ? { 415: "Send application/json", 422: "Not possible" } : {}),
  429: "Too many requests",
});

const requireSession: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.var.user === null) throw notSignedIn();
  await next();
};

/** Serves an operation: session, then media type, then input, then the handler. The document says what the code does. */
export function serve<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
>(
  router: Router,
  operation: Operation<P, Q, B>,
  handler: (c: AppContext, input: Input<P, Q, B>) => Response | Promise<Response>,
): void {
  const { method, path, tag, summary, params, query, body, status = 200, data, signedIn } = operation;
  const responses = Object.fromEntries(
    Object.entries(refusals(operation as never)).map(([code, description]) => [
      code,
      { description, content: { "application/problem+json": { schema: problem } } },
    ]),
  );
  const answer = z.object({ data: data ?? z.unknown() });
  const route = createRoute({
    method,
    path,
    tags: [tag],
    summary,
    middleware: [...(signedIn ? [requireSession] : []), ...(body ? [requireJson] : [])],
    ...(signedIn ? { security: [{ session: [] }] } : {}),
    request: {
      ...(params ? { params } : {}),
      ...(query ? { query } : {}),
      ...(body ? { body: { required: true, content: { "application/json": { schema: body } } } } : {}),
    },
    responses: {
      [status]: { description: "Done", content: { "application/json": { schema: answer } } },
      ...responses,
    },
  });
  // What is valid is typed by the schemas of this call; the library can say so only for literal routes.
  const valid = (c: AppContext, target: "param" | "query" | "json"): never =>
    (c.req.valid as (target: string) => never)(target);
  router.openapi(
    route as never,
    ((c: AppContext) =>
      handler(c, {
        params: (params ? valid(c, "param") : {}) as never,
        query: (query ? valid(c, "query") : {}) as never,
        body: body ? valid(c, "json") : (undefined as never),
      })) as never,
  );
}
