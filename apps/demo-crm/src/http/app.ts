import { bodyLimit } from "hono/body-limit";
import type { Logger } from "pino";
import { cacheWarmer } from "../cache/index.ts";
import type { Metrics } from "../cache/metrics.ts";
import { observeReads } from "../cache/observe-reads.ts";
import { findImportReport } from "../db/import-crm.ts";
import type { SicknessSwitch } from "../dev/sickness.ts";
import type { LiveFeed } from "../live/live-feed.ts";
import type { Load } from "../live/run-load.ts";
import type { WarmingLog } from "../live/warming-log.ts";
import { analyticsRoutes } from "./analytics.ts";
import { cacheRoutes } from "./cache-stats.ts";
import { changesRoutes } from "./changes.ts";
import { companiesRoutes, sectorRoutes } from "./companies.ts";
import { comparisonRoutes } from "./comparison.ts";
import { consoleRoutes } from "./console.ts";
import { dealsRoutes } from "./deals.ts";
import { docsRoutes } from "./docs.ts";
import { errorHandler, notFound } from "./errors.ts";
import type { ApiLimits } from "./limits.ts";
import { liveRoutes } from "./live.ts";
import { operationRoutes } from "./operations.ts";
import { pageRoutes } from "./page.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";
import { securityHeaders } from "./security-headers.ts";
import { findSession, refuseCrossSite, sessionRoutes } from "./sessions.ts";
import { sicknessRoutes } from "./sickness.ts";
import { usersRoutes } from "./users.ts";
import { workRoutes } from "./work.ts";

const PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";
const MAX_BODY_BYTES = 64 * 1024;

export interface AppOptions {
  readonly logger: Logger;
  readonly feed: LiveFeed;
  readonly load: Load;
  readonly limits: ApiLimits;
  readonly metrics: Metrics;
  readonly warming: WarmingLog;
  /** In development: what can be made sick. */
  readonly sickness?: SicknessSwitch | undefined;
  /** Which of several instances this is, for people: the header `x-instance`. */
  readonly instance?: number | undefined;
  /** `development`: a failure carries its stack. `production`: cookies are for HTTPS alone. */
  readonly mode: "development" | "production" | "demo";
  /** What the figures were measured on, for people. */
  readonly conditions: Readonly<Record<string, string>>;
  /** Whether traffic may come. */
  ready(): boolean;
  /** Aborts when the process is about to end. */
  readonly closing: AbortSignal;
}

export function createApp(options: AppOptions): Router {
  const { logger, limits, metrics, mode, ready, closing } = options;
  const app = createRouter();
  app.onError(errorHandler(logger, { withStack: mode === "development" }));
  app.notFound(notFound(app));
  app.use(securityHeaders());
  if (options.instance !== undefined) {
    app.use(async (c, next) => {
      await next();
      c.header("x-instance", String(options.instance));
    });
  }
  app.use("/api/*", bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }));
  app.use("/api/*", observeReads());
  // What is measured here is this cache, not a browser's.
  app.use("/api/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });
  app.use("/api/*", refuseCrossSite);
  const session = { secure: mode === "production" };
  app.use("/api/*", findSession(session));
  app.use("/api/*", limits.requests);

  app.get("/healthz", (c) =>
    c.json({ status: closing.aborted ? "closing" : "ok" }, closing.aborted ? 503 : 200),
  );
  app.get("/readyz", (c) => {
    const isReady = ready() && !closing.aborted;
    return c.json({ ready: isReady, warming: cacheWarmer.readiness() }, isReady ? 200 : 503);
  });
  app.get("/metrics", async (c) =>
    c.text(await metrics.text(), 200, { "content-type": PROMETHEUS, "cache-control": "no-store" }),
  );
  app.route("/api/session", sessionRoutes(limits, session));
  addApi(app, options);
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: session.secure ? "__Host-crm-session" : "crm-session",
  });
  app.route("/", docsRoutes(app));
  app.route("/", pageRoutes());
  return app;
}

function addApi(
  app: Router,
  { feed, load, limits, warming, conditions, mode, closing, sickness }: AppOptions,
): void {
  // Before the routes by id: they would take `issue` for part of one.
  app.route("/api", operationRoutes());
  app.route("/api/companies", companiesRoutes());
  app.route("/api", sectorRoutes());
  app.route("/api/deals", dealsRoutes());
  app.route("/api/users", usersRoutes());
  for (const [name, routes] of Object.entries(workRoutes())) app.route(`/api/${name}`, routes);
  app.route("/api/analytics", analyticsRoutes());
  app.route("/api/cache", cacheRoutes());
  app.route("/api/cache", consoleRoutes({ limits, warming }));
  const about = createRouter();
  const tag = "demo";
  serve(about, { method: "get", path: "/import/report", tag, summary: "What the import found" }, async (c) =>
    c.json({ data: await findImportReport() }),
  );
  serve(
    about,
    { method: "get", path: "/conditions", tag, summary: "What the figures are measured on" },
    (c) => c.json({ data: { ...conditions, mode } }),
  );
  app.route("/api", about);
  app.route("/api/compare", comparisonRoutes(load, closing));
  if (sickness) app.route("/api/dev", sicknessRoutes(sickness));
  app.route("/api", liveRoutes(feed, load, warming, closing));
  app.route("/api", changesRoutes(closing));
}

function tooLarge(): never {
  throw new ProblemError({
    status: 413,
    title: "Body too large",
    code: "BODY_TOO_LARGE",
    detail: `At most ${MAX_BODY_BYTES} bytes`,
  });
}
