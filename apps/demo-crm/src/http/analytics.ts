import { analyticsService } from "../services/analytics-service.ts";
import { respond } from "./errors.ts";
import { createRouter, type Router, serve } from "./router.ts";

export function analyticsRoutes(): Router {
  const router = createRouter();
  const operation = (path: string, summary: string) =>
    ({ method: "get", path, tag: "analytics", summary }) as const;
  serve(router, operation("/pipeline", "Deals by stage"), async (c) =>
    respond(c, await analyticsService.pipeline()),
  );
  serve(router, operation("/revenue-by-sector", "Revenue of won deals by sector"), async (c) =>
    respond(c, await analyticsService.revenueBySector()),
  );
  serve(router, operation("/leaderboard", "Users by revenue"), async (c) =>
    respond(c, await analyticsService.leaderboard()),
  );
  return router;
}
