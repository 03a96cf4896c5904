import { silentLogger } from "@crm/cache-core";
import { pino } from "pino";
import { inject } from "vitest";
import { provideCacheSettings } from "../src/cache/settings.ts";
import type { SicknessSwitch } from "../src/dev/sickness.ts";
import type { AppOptions } from "../src/http/app.ts";
import type { Limits } from "../src/http/limits.ts";
import type { Router } from "../src/http/router.ts";

// Explicitly nothing: tests never reach the Redis or the Postgres that the shell of whoever runs them names.
// One that a test has started for itself is told so by a name of its own. As the demo runs by default. `invalidation.test.ts` compares both ways.
const { DEMO_TEST_REDIS_URL } = process.env;
provideCacheSettings({
  env: DEMO_TEST_REDIS_URL ? { REDIS_URL: DEMO_TEST_REDIS_URL } : {},
  logger: silentLogger,
  invalidation: "dependencies",
});

const { cache, closeCache } = await import("../src/cache/index.ts");
const { connect } = await import("../src/db/connect.ts");
const { createApp } = await import("../src/http/app.ts");
const { createLimits } = await import("../src/http/limits.ts");
const { LatencyWindow } = await import("../src/live/latency-window.ts");
const { createLiveFeed } = await import("../src/live/live-feed.ts");
const { createMetrics } = await import("../src/cache/metrics.ts");
const { createWarmingLog } = await import("../src/live/warming-log.ts");
const { createLoad } = await import("../src/live/run-load.ts");

export { cache };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape; the assertions say which.
  readonly body: any;
}

export interface TestApp {
  readonly app: Router;
  request(path: string, init?: RequestInit): Promise<Response>;
  readonly load: ReturnType<typeof createLoad>;
  /** What the app logged as a failure of its own. */
  readonly logged: string[];
  json(path: string, init?: RequestInit): Promise<Answer>;
  send(method: string, path: string, body: unknown): Promise<Answer>;
  close(): Promise<void>;
}

export const USER = "darcel-schlecht";

/** A store that is a server may miss its deadline on a machine that is busy. */
async function createSession(tries = 50): Promise<{ readonly id: string }> {
  try {
    return await cache.sessions.create(USER, {}, "1h");
  } catch (error) {
    if (tries === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return createSession(tries - 1);
  }
}

/** The app over the imported data, without a port. What is sent has a session. */
export async function startApp(
  options: {
    limits?: Limits;
    mode?: AppOptions["mode"];
    ready?: () => boolean;
    sickness?: SicknessSwitch;
  } = {},
): Promise<TestApp> {
  const connection = await connect({ template: inject("importedDatabase") });
  const logged: string[] = [];
  const logger = pino({ level: "error" }, { write: (line: string) => void logged.push(line) });
  const windows = { withCache: new LatencyWindow(10), withoutCache: new LatencyWindow(10) };
  const load = createLoad({ ...windows, onError: (error) => void logged.push(String(error)) });
  const feed = createLiveFeed({ load, ...windows });
  const closing = new AbortController();
  const limits = createLimits(options.limits ?? { perUser: 1_000_000, perAddress: 1_000_000 });
  const metrics = createMetrics(limits);
  const warming = createWarmingLog();
  const app = createApp({
    ...{ logger, feed, load, limits, metrics, warming },
    mode: options.mode ?? "demo",
    sickness: options.sickness,
    conditions: { database: connection.label },
    ready: options.ready ?? (() => true),
    closing: closing.signal,
  });
  const { id } = await createSession();
  const cookie = `crm-session=${id}`;

  /** With a session, unless a cookie is given. */
  function request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("cookie")) headers.set("cookie", cookie);
    return Promise.resolve(app.request(path, { ...init, headers }));
  }
  async function json(path: string, init?: RequestInit): Promise<Answer> {
    const response = await request(path, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  return {
    app,
    request,
    load,
    logged,
    json,
    send: (method, path, body) =>
      json(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    async close() {
      closing.abort();
      feed.close();
      await load.stop();
      warming.close();
      await metrics.close();
      await limits.close();
      await closeCache();
      await connection.close();
    },
  };
}
