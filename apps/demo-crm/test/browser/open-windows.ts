import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Browser, BrowserContext } from "playwright-core";
import { listen } from "../../src/listen.ts";
import { cache, startApp, type TestApp } from "../start-app.ts";
import { startBrowser, type Windows } from "./start-browser.ts";

export interface WindowsOfApp extends Windows {
  readonly url: string;
  readonly app: TestApp;
  /** Signed in when a user is named. */
  context(options?: Parameters<Browser["newContext"]>[0] & { user?: string }): Promise<BrowserContext>;
}

/** The app on a port, and a browser. */
export async function openWindows(options: Parameters<typeof startApp>[0]): Promise<WindowsOfApp> {
  const [browser, app] = await Promise.all([startBrowser(), startApp(options)]);
  const server = createAdaptorServer({ fetch: app.app.fetch }) as Server;
  const port = await listen(server, { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${port}`;
  return {
    ...{ url, app, complaints: browser.complaints },
    async context({ user, ...rest } = {}) {
      const context = await browser.context({ baseURL: url, ...rest });
      if (user !== undefined) {
        const { id } = await cache.sessions.create(user, {}, "1h");
        await context.addCookies([
          { name: "crm-session", value: id, url, httpOnly: true, sameSite: "Strict" },
        ]);
      }
      return context;
    },
    async close() {
      await browser.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await app.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
