import { cache, cacheInvalidator } from "../cache/index.ts";
import { explainQuery, historyQuery } from "./inputs.ts";
import { createRouter, type Router, serve } from "./router.ts";

export function cacheRoutes(): Router {
  const router = createRouter();
  const operation = (path: string, summary: string) =>
    ({ method: "get", path, tag: "cache", summary }) as const;
  serve(router, operation("/stats", "Figures of the cache"), async (c) =>
    c.json({ data: await cache.getStats() }),
  );
  serve(
    router,
    { ...operation("/explain", "Why a key is served, or not"), query: explainQuery },
    async (c, { query }) => c.json({ data: await cache.explain(query.key) }),
  );
  serve(
    router,
    { ...operation("/history", "The latest invalidations, newest first"), query: historyQuery },
    (c, { query }) => c.json({ data: cacheInvalidator.getHistory(query.limit) }),
  );
  serve(router, operation("/invalidations", "How many invalidations there were"), (c) =>
    c.json({ data: cacheInvalidator.getStats() }),
  );
  return router;
}
