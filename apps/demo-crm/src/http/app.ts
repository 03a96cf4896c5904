import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import type { Logger } from "pino";
import { observeReads } from "../cache/observe-reads.ts";
import { findImportReport } from "../db/import-crm.ts";
import type { LiveFeed } from "../live/live-feed.ts";
import type { Load } from "../live/run-load.ts";
import { companiesService } from "../services/companies-service.ts";
import { analyticsRoutes } from "./analytics.ts";
import { cacheRoutes } from "./cache-stats.ts";
import { companiesRoutes } from "./companies.ts";
import { comparisonRoutes } from "./comparison.ts";
import { dealsRoutes } from "./deals.ts";
import { errorHandler, notFound, respond } from "./errors.ts";
import { liveRoutes } from "./live.ts";
import { pageRoutes } from "./page.ts";
import { ProblemError } from "./problem.ts";
import { usersRoutes } from "./users.ts";

const MAX_BODY_BYTES = 64 * 1024;

export interface AppOptions {
  readonly logger: Logger;
  readonly feed: LiveFeed;
  readonly load: Load;
  /** What the figures were measured on, for people. */
  readonly conditions: Readonly<Record<string, string>>;
  /** Aborts when the process is about to end. */
  readonly closing: AbortSignal;
}

export function createApp({ logger, feed, load, conditions, closing }: AppOptions): Hono {
  const tooLarge = () => {
    throw new ProblemError({
      status: 413,
      title: "Body too large",
      code: "BODY_TOO_LARGE",
      detail: `At most ${MAX_BODY_BYTES} bytes`,
    });
  };
  const app = new Hono();
  app.onError(errorHandler(logger));
  app.notFound(notFound);
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      // The demo is plain HTTP on this machine; a browser that remembers HTTPS for it could not open it again.
      strictTransportSecurity: false,
    }),
  );
  app.use("/api/*", bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }));
  app.use("/api/*", observeReads());
  // What is measured here is this cache, not a browser's.
  app.use("/api/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });

  app.get("/healthz", (c) =>
    c.json({ status: closing.aborted ? "closing" : "ok" }, closing.aborted ? 503 : 200),
  );
  app.route("/api/companies", companiesRoutes);
  app.get("/api/sectors", async (c) => respond(c, await companiesService.listSectors()));
  app.route("/api/deals", dealsRoutes);
  app.route("/api/users", usersRoutes);
  app.route("/api/analytics", analyticsRoutes);
  app.route("/api/cache", cacheRoutes);
  app.get("/api/import/report", async (c) => c.json({ data: await findImportReport() }));
  app.get("/api/conditions", (c) => c.json({ data: conditions }));
  app.route("/api/compare", comparisonRoutes(load, closing));
  app.route("/api", liveRoutes(feed, load));
  app.route("/", pageRoutes());
  return app;
}
