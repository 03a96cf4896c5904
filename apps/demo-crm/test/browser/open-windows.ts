import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { listen } from "../../src/listen.ts";
import { cache, startApp, type TestApp } from "../start-app.ts";
import { findChromium } from "./find-chromium.ts";

export interface Windows {
  readonly url: string;
  readonly app: TestApp;
  /** A browser of its own: own cookies, own streams. Signed in when a user is named. */
  context(options?: Parameters<Browser["newContext"]>[0] & { user?: string }): Promise<BrowserContext>;
  /** What pages have reported as wrong since the last call: errors, refusals by the content security policy. */
  complaints(): string[];
  close(): Promise<void>;
}

/** A refusal that the page shows in words is in the browser's console as well. */
const isExpected = (text: string) => /status of (401|429)/.test(text);

/** The app on a port, and a browser. */
export async function openWindows(options: Parameters<typeof startApp>[0]): Promise<Windows> {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const app = await startApp(options);
  const server = createAdaptorServer({ fetch: app.app.fetch }) as Server;
  const port = await listen(server, { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${port}`;
  let complaints: string[] = [];

  function watch(page: Page): void {
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !isExpected(message.text()))
        complaints.push(`${page.url()}: ${message.text()}`);
    });
  }

  return {
    url,
    app,
    async context({ user, ...rest } = {}) {
      const context = await browser.newContext({ baseURL: url, reducedMotion: "reduce", ...rest });
      context.setDefaultTimeout(8_000);
      context.on("page", watch);
      if (user !== undefined) {
        const { id } = await cache.sessions.create(user, {}, "1h");
        await context.addCookies([
          { name: "crm-session", value: id, url, httpOnly: true, sameSite: "Strict" },
        ]);
      }
      return context;
    },
    complaints() {
      const found = complaints;
      complaints = [];
      return found;
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
