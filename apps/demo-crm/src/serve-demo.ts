import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { cacheWarmer, closeCache } from "./cache/index.ts";
import { createMetrics } from "./cache/metrics.ts";
import { storeLabel } from "./cache/store.ts";
import type { Connection } from "./db/connect.ts";
import type { SicknessSwitch } from "./dev/sickness.ts";
import { takeConnections } from "./fleet/balance.ts";
import { createApp } from "./http/app.ts";
import type { Front } from "./http/front.ts";
import { createLimits } from "./http/limits.ts";
import { keepWarm } from "./keep-warm.ts";
import { frontUrl, listenFront } from "./listen-front.ts";
import { LatencyWindow } from "./live/latency-window.ts";
import { createLiveFeed } from "./live/live-feed.ts";
import { createLoad } from "./live/run-load.ts";
import { createWarmingLog } from "./live/warming-log.ts";
import { prepareDemo } from "./prepare-demo.ts";
import type { DemoSettings } from "./read-settings.ts";
import type { Terminal } from "./terminal/show-import.ts";

const IN_FLIGHT_MS = 3_000;
const WINDOW_SECONDS = 10;

export interface RunningDemo {
  readonly url: string;
  /** Stops accepting, lets what is in flight finish, then closes the cache and the database. */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** The database, which opens while the code that uses it is loaded. */
  readonly connecting: Promise<Connection>;
  /** Where to serve. One that listens already shows the page from then on; one that does not, an instance's, listens when there is data. */
  readonly front: Front;
  readonly settings: DemoSettings;
  readonly logger: Logger;
  readonly terminal: Terminal;
  /** Aborting it ends a start that is under way; what was opened by then is closed. */
  readonly signal: AbortSignal;
  /** In development. */
  readonly sickness?: SicknessSwitch | undefined;
}

/** Connects, imports what is not there yet, and serves. */
export async function serveDemo({
  connecting,
  front,
  settings,
  logger,
  terminal,
  signal,
  sickness,
}: ServeOptions): Promise<RunningDemo> {
  const closers: (() => Promise<void>)[] = [closeCache];
  const closeAll = async () => {
    for (const close of closers.reverse())
      await close().catch((error: unknown) => logger.error({ err: error }, "closing failed"));
  };
  try {
    terminal.write(
      `Starting: ${settings.databaseUrl ? "Postgres at DATABASE_URL" : "embedded Postgres"}, ${storeLabel}\n`,
    );
    const connection = await connecting;
    closers.push(() => connection.close());
    signal.throwIfAborted();

    // One of several instances finds everything done.
    if (settings.instance === undefined)
      await prepareDemo({ terminal, demoPassword: settings.demoPassword, signal });
    signal.throwIfAborted();

    const withCache = new LatencyWindow(WINDOW_SECONDS);
    const withoutCache = new LatencyWindow(WINDOW_SECONDS);
    const onError = (error: unknown) => logger.warn({ err: error }, "live measurement failed");
    const load = createLoad({
      ...{ withCache, withoutCache, onError },
      maxSeconds: settings.loadSeconds || undefined,
    });
    const feed = createLiveFeed({ load, withCache, withoutCache, onError });
    const closing = new AbortController();
    const conditions = {
      database: settings.databaseLabel ?? connection.label,
      cache: storeLabel,
      node: process.version,
      cores: String(availableParallelism()),
      ...(settings.instance === undefined ? {} : { instance: String(settings.instance) }),
    };
    const { requestsPerMinute: perAddress } = settings;
    const limits = createLimits({
      perAddress,
      perUser: perAddress === undefined ? undefined : Math.ceil(perAddress / 2),
    });
    closers.push(() => limits.close());
    const metrics = createMetrics(limits);
    closers.push(() => metrics.close());
    const warming = createWarmingLog();
    closers.push(async () => warming.close());
    let isReady = false;
    const app = createApp({
      ...{ logger, feed, load, limits, metrics, warming, conditions },
      mode: settings.mode,
      ...{ sickness, instance: settings.instance },
      ready: () => isReady && cacheWarmer.readiness().ready,
      closing: closing.signal,
    });
    const { server } = front;
    front.open(app.fetch);
    const url = server.listening ? frontUrl(server, settings) : await listenFront(front, settings, terminal);
    const stopTaking = settings.instance === undefined ? () => {} : takeConnections(server);
    closers.push(async () => {
      closing.abort();
      stopTaking();
      const closed = front.close();
      // The streams of the page never end by themselves.
      feed.close();
      await load.stop();
      const cut = setTimeout(() => server.closeAllConnections(), IN_FLIGHT_MS);
      await closed;
      clearTimeout(cut);
    });
    isReady = true;
    closers.push(await keepWarm({ logger, terminal }));
    if (settings.loadSeconds > 0) await load.start();
    return { url, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
