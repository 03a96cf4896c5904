import { Hono } from "hono";
import { cache } from "../cache/index.ts";
import { explainQuery } from "./inputs.ts";
import { queryOf } from "./validate.ts";

export const cacheRoutes = new Hono()
  .get("/stats", async (c) => c.json({ data: await cache.getStats() }))
  .get("/explain", async (c) => c.json({ data: await cache.explain(queryOf(c, explainQuery).key) }));
