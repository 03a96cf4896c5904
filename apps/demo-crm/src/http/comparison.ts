import { Hono } from "hono";
import { type Comparison, compareReads } from "../live/compare-reads.ts";
import type { Load } from "../live/run-load.ts";
import { compareQuery } from "./inputs.ts";
import { ProblemError } from "./problem.ts";
import { queryOf } from "./validate.ts";

/** `GET /api/compare?pairs=100`. One comparison at a time: who asks while one runs gets that one's answer. */
export function comparisonRoutes(load: Load, signal: AbortSignal) {
  let running: Promise<Comparison> | undefined;
  return new Hono().get("/", async (c) => {
    const { pairs } = queryOf(c, compareQuery);
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
  });
}
