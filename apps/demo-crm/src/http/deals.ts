import { Hono } from "hono";
import { dealsService } from "../services/deals-service.ts";
import { respond } from "./errors.ts";
import { dealChange, dealId, dealsQuery } from "./inputs.ts";
import { bodyOf, paramOf, queryOf } from "./validate.ts";

export const dealsRoutes = new Hono()
  .get("/", async (c) => {
    const { page, limit, ...filter } = queryOf(c, dealsQuery);
    return respond(c, await dealsService.listDeals({ page, limit }, filter));
  })
  .get("/:id", async (c) => respond(c, await dealsService.getDealById(paramOf(c, dealId))))
  .patch("/:id", async (c) =>
    respond(c, await dealsService.updateDeal(paramOf(c, dealId), await bodyOf(c, dealChange))),
  );
