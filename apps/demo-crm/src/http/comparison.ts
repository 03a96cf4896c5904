import { type Comparison, compareReads } from "../live/compare-reads.ts";
import type { Load } from "../live/run-load.ts";
import { compareQuery } from "./inputs.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";

/** `GET /api/compare?pairs=100`. One comparison at a time: who asks while one runs gets that one's answer. */
export function comparisonRoutes(load: Load, signal: AbortSignal): Router {
  const router = createRouter();
  const summary = "Measures nine reads with and without the cache";
  let running: Promise<Comparison> | undefined;
  serve(
    router,
    { method: "get", path: "/", tag: "demo", summary, query: compareQuery },
    async (c, { query }) => {
      const { pairs } = query;
      running ??= load
        .pauseFor(() => compareReads({ pairs, signal }))
        .finally(() => {
          running = undefined;
        });
      try {
        return c.json({ data: await running });
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new ProblemError({ status: 503, title: "The demo is closing", code: "CLOSING" });
      }
    },
  );
  return router;
}
