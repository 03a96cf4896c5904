import { Hono } from "hono";
import { analyticsService } from "../services/analytics-service.ts";
import { respond } from "./errors.ts";

export const analyticsRoutes = new Hono()
  .get("/pipeline", async (c) => respond(c, await analyticsService.pipeline()))
  .get("/revenue-by-sector", async (c) => respond(c, await analyticsService.revenueBySector()))
  .get("/leaderboard", async (c) => respond(c, await analyticsService.leaderboard()));
