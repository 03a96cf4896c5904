import { z } from "zod";
import type { Change } from "../db/queries/change.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import type { ApiResponse } from "../services/api-response.ts";
import { respond } from "./errors.ts";
import { forChange, forNew, type NoFilter, pageQuery } from "./inputs.ts";
import { createRouter, type Router, serve } from "./router.ts";

/** What the routes of an entity ask of its service. */
interface Service<Values, Filter> {
  get(id: string): Promise<ApiResponse<object>>;
  list(request: PageRequest, filter: Filter): Promise<ApiResponse<Page<object>>>;
  create(values: Values): Promise<ApiResponse<{ readonly id: string }>>;
  update(id: string, change: Change<Values>): Promise<ApiResponse<object>>;
  delete(id: string, query: Readonly<Record<string, unknown>>): Promise<ApiResponse<{ id: string }>>;
}

interface EntityRoutes<V extends z.ZodObject, F extends z.ZodObject, C extends z.ZodObject> {
  /** The plural, as in the path. */
  readonly name: string;
  readonly id: z.ZodType<string>;
  /** What clients may set. Fields that may be null may be left out of a new one. */
  readonly values: V;
  /** What may be changed later. @default values */
  readonly changes?: C | undefined;
  readonly filter?: F | undefined;
  readonly deleteQuery?: z.ZodObject | undefined;
  readonly service: Service<z.output<V>, z.output<F>>;
}

/** `GET /`, `POST /`, `GET /{id}`, `PATCH /{id}`, `DELETE /{id}` of an entity. Reading is open; writing needs a session. */
export function entityRoutes<
  V extends z.ZodObject,
  F extends z.ZodObject = NoFilter,
  C extends z.ZodObject = V,
>({ name, id, values, changes, filter, deleteQuery, service }: EntityRoutes<V, F, C>): Router {
  const router = createRouter();
  const byId = z.object({ id });
  const row = values.extend({ id, version: z.int(), updatedAt: z.iso.datetime() });
  const tag = name;

  serve(
    router,
    {
      ...{ method: "get", path: "/", tag, summary: `A page of ${name}` },
      query: pageQuery.extend(filter?.shape ?? {}),
      data: z.object({
        items: z.array(row),
        page: z.int(),
        limit: z.int(),
        total: z.int(),
        pages: z.int(),
      }),
    },
    async (c, { query }) => {
      const { page, limit, ...rest } = query as z.output<typeof pageQuery>;
      return respond(c, await service.list({ page, limit }, rest as z.output<F>));
    },
  );
  serve(
    router,
    {
      ...{ method: "post", path: "/", tag, summary: `Creates one of the ${name}`, signedIn: true },
      body: forNew(values),
      data: row,
      status: 201,
    },
    async (c, { body }) => {
      const response = await service.create(body);
      if (response.success) c.header("location", `/api/${name}/${response.data.id}`);
      return respond(c, response, 201);
    },
  );
  serve(
    router,
    { method: "get", path: "/{id}", tag, summary: `One of the ${name}`, params: byId, data: row },
    async (c, { params }) => respond(c, await service.get(params.id)),
  );
  serve(
    router,
    {
      ...{ method: "patch", path: "/{id}", tag, summary: `Changes one of the ${name}`, signedIn: true },
      params: byId,
      body: forChange(changes ?? values),
      data: row,
    },
    async (c, { params, body }) => respond(c, await service.update(params.id, body as Change<z.output<V>>)),
  );
  serve(
    router,
    {
      ...{ method: "delete", path: "/{id}", tag, summary: `Removes one of the ${name}`, signedIn: true },
      params: byId,
      ...(deleteQuery ? { query: deleteQuery } : {}),
      data: z.object({ id }),
    },
    async (c, { params, query }) => respond(c, await service.delete(params.id, query)),
  );
  return router;
}
