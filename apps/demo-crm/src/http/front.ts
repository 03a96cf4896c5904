import type { Server } from "node:http";
import type { Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { pageRoutes } from "./page.ts";
import { problemResponse } from "./problem.ts";
import { securityHeaders } from "./security-headers.ts";

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

/** What answers from the first moment: the web app at once, everything else when there is an app. */
export interface Front {
  readonly server: Server;
  /** From now on the app has every request, and those that waited. */
  open(fetch: Fetch): void;
  /** Accepts no more, and resolves when the last connection has ended. */
  close(): Promise<void>;
}

/** Then who still waits is told to ask again. */
const WAIT_MS = 20_000;
/** How soon a connection ends after its last answer, once the server is closing. */
const IDLE_LOOK_MS = 50;

/**
 * The page needs neither the database nor the cache, so it is served while they start; it shows that it is loading, since what it asks for
 * waits here. `/readyz` is closed meanwhile, as it is until the cache is warm.
 */
export function createFront({ waitMs = WAIT_MS }: { readonly waitMs?: number } = {}): Front {
  const opened = Promise.withResolvers<Fetch>();
  let app: Fetch | undefined;
  const early = new Hono();
  early.use(securityHeaders());
  early.get("/healthz", (c) => c.json({ status: "ok" }));
  early.get("/readyz", (c) => c.json({ ready: false }, 503));
  early.route("/", pageRoutes());
  early.all("*", async (c) => {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), waitMs);
    const found = await Promise.race([opened.promise, late.promise]);
    clearTimeout(timer);
    if (found) return found(c.req.raw, c.env as object);
    c.header("retry-after", "1");
    return problemResponse(c, {
      status: 503,
      title: "Not ready yet",
      code: "STARTING",
      detail: "The database and the cache are being started: ask again in a second",
    });
  });
  const server = createAdaptorServer({
    fetch: (request, env) => (app ?? early.fetch)(request, env as object),
  }) as Server;
  // The server waits for those that it accepted itself, and not for those that it was handed (fleet/balance.ts).
  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  return {
    server,
    open(fetch) {
      app = fetch;
      opened.resolve(fetch);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
      await Promise.all(
        [...connections].map((socket) => new Promise((resolve) => socket.once("close", resolve))),
      );
      await closed;
      clearInterval(idle);
    },
  };
}
