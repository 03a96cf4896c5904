import { aggregateQueries } from "../db/queries/aggregates.ts";
import { analyticsService } from "../services/analytics-service.ts";
import { type ApiResponse, successResponse } from "../services/api-response.ts";
import { respond } from "./errors.ts";
import { analyticsQuery } from "./inputs.ts";
import { notSignedIn } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";

/** The aggregates. `?cache=bypass` asks the database, for comparison; that costs it, so it needs a session. */
export function analyticsRoutes(): Router {
  const router = createRouter();
  const aggregate = (path: string, summary: string, figure: keyof typeof analyticsService) =>
    serve(
      router,
      { method: "get", path, tag: "analytics", summary, query: analyticsQuery },
      async (c, { query }) => {
        const bypass = query.cache === "bypass";
        if (bypass && c.var.user === null) throw notSignedIn();
        const startedAt = performance.now();
        const answer: ApiResponse<unknown> = bypass
          ? successResponse(await aggregateQueries[figure]())
          : await analyticsService[figure]();
        // Of the aggregate alone, without session and limits.
        c.header("server-timing", `read;dur=${(performance.now() - startedAt).toFixed(3)}`);
        return respond(c, answer);
      },
    );
  aggregate("/pipeline", "Deals by stage", "pipeline");
  aggregate("/revenue-by-sector", "Revenue of won deals by sector", "revenueBySector");
  aggregate("/leaderboard", "Users by revenue", "leaderboard");
  return router;
}
