import { silentLogger } from "@crm/cache-core";
import type { Hono } from "hono";
import { pino } from "pino";
import { provideCacheSettings } from "../src/cache/settings.ts";

// Explicitly nothing: tests never reach the Redis or the Postgres that the shell of whoever runs them names.
provideCacheSettings({ env: {}, logger: silentLogger });

const { cache, closeCache } = await import("../src/cache/index.ts");
const { connect } = await import("../src/db/connect.ts");
const { importCrm } = await import("../src/db/import-crm.ts");
const { createApp } = await import("../src/http/app.ts");
const { LatencyWindow } = await import("../src/live/latency-window.ts");
const { createLiveFeed } = await import("../src/live/live-feed.ts");
const { createLoad } = await import("../src/live/run-load.ts");

export const DATA = new URL("../data/crm", import.meta.url).pathname;
export { cache };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape; the assertions say which.
  readonly body: any;
}

export interface TestApp {
  readonly app: Hono;
  readonly load: ReturnType<typeof createLoad>;
  /** What the app logged as a failure of its own. */
  readonly logged: string[];
  json(path: string, init?: RequestInit): Promise<Answer>;
  send(method: string, path: string, body: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** The app over the imported data, without a port. */
export async function startApp(): Promise<TestApp> {
  const connection = await connect();
  await importCrm({ folder: DATA });
  const logged: string[] = [];
  const logger = pino({ level: "error" }, { write: (line: string) => void logged.push(line) });
  const windows = { withCache: new LatencyWindow(10), withoutCache: new LatencyWindow(10) };
  const load = createLoad({ ...windows, onError: (error) => void logged.push(String(error)) });
  const feed = createLiveFeed({ load, ...windows });
  const closing = new AbortController();
  const app = createApp({
    logger,
    feed,
    load,
    conditions: { database: connection.label },
    closing: closing.signal,
  });

  async function json(path: string, init?: RequestInit): Promise<Answer> {
    const response = await app.request(path, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  return {
    app,
    load,
    logged,
    json,
    send: (method, path, body) =>
      json(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    async close() {
      closing.abort();
      feed.close();
      await load.stop();
      await closeCache();
      await connection.close();
    },
  };
}
