// The only module that reads the environment. It passes on what others need, before they are imported.
import { pino } from "pino";
import { provideCacheSettings } from "./cache/settings.ts";
import type { SicknessSwitch } from "./dev/sickness.ts";
import { createFront, type Front } from "./http/front.ts";
import { checkFree } from "./listen.ts";
import { listenFront } from "./listen-front.ts";
import { messageOf } from "./message-of.ts";
import { type DemoSettings, HelpRequest, readSettings, SettingsError } from "./read-settings.ts";
import type { RunningDemo } from "./serve-demo.ts";

const SHUTDOWN_MS = 4_500;

/** Since the process began. */
const seconds = () => (performance.now() / 1000).toFixed(1);
const isInstance = process.send !== undefined;
const say = (text: string) => isInstance || process.stdout.write(`${text}\n`);
const fail = (text: string) => {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
};
// A reader that has gone (`demo | head`) is no reason to crash.
process.stdout.on("error", () => {});

function settingsOrExit(): DemoSettings {
  try {
    return readSettings(process.env, process.argv.slice(2));
  } catch (error) {
    if (error instanceof HelpRequest) say(error.message);
    else if (error instanceof SettingsError) fail(error.message);
    else throw error;
    process.exit();
  }
}

const settings = settingsOrExit();
const logger = pino(
  { level: settings.logLevel },
  process.stderr.isTTY
    ? (await import("pino-pretty")).default({ destination: 2, sync: true, ignore: "pid,hostname" })
    : pino.destination(2),
);

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // A terminal and the package manager may both deliver it; the second one must not cut the clean end short.
  process.on(signal, () => {
    if (stopping.signal.aborted) return;
    say(`\nStopping (${signal})`);
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
    stopping.abort();
  });
}

/** The demo in this process, or the process that holds several instances of it. */
async function start(): Promise<RunningDemo> {
  const isAlone = settings.instances === 1 && settings.instance === undefined;
  if (settings.instances > 1 && settings.instance === undefined) {
    if (settings.port) await checkFree(settings.host, settings.port);
    const { runFleet } = await import("./fleet/run-fleet.ts");
    return runFleet({
      settings,
      logger,
      signal: stopping.signal,
      terminal: process.stdout,
      env: process.env,
    });
  }
  const front = createFront();
  if (isAlone) {
    const url = await listenFront(front, settings, process.stdout);
    say(`Serving the page after ${seconds()} s: ${url}`);
  }
  try {
    return await startApp(front);
  } catch (error) {
    front.server.close();
    front.server.closeAllConnections();
    throw error;
  }
}

/** What the page asks for: the database, the cache and the API over them. */
async function startApp(front: Front): Promise<RunningDemo> {
  const { connectDemo } = await import("./connect-demo.ts");
  const connecting = connectDemo(settings);
  // Until somebody waits for it.
  connecting.catch(() => {});
  let sickness: SicknessSwitch | undefined;
  let serveDemo: typeof import("./serve-demo.ts").serveDemo;
  try {
    const { createSicknessSwitch } = await import("./dev/sickness.ts");
    sickness = settings.mode === "development" ? await createSicknessSwitch(process.env) : undefined;
    const { invalidation } = settings;
    provideCacheSettings({ env: sickness?.env ?? process.env, logger, invalidation });
    // Imported now, and not above: the composition root is made while it is imported, from what was just provided.
    ({ serveDemo } = await import("./serve-demo.ts"));
  } catch (error) {
    await sickness?.close();
    // What opens meanwhile would keep this process alive.
    await connecting.then((connection) => connection.close()).catch(() => {});
    throw error;
  }
  // What one of several has to say is said once, by the process that holds them.
  const terminal = settings.instance === undefined ? process.stdout : { write: () => true, isTTY: false };
  const common = { connecting, front, settings, logger, signal: stopping.signal };
  const demo = await serveDemo({ ...common, terminal, sickness });
  return {
    url: demo.url,
    async close() {
      await demo.close();
      await sickness?.close();
    },
  };
}

// An instance without the process that holds it has no database, and nobody who would end it.
if (isInstance) process.once("disconnect", () => stopping.abort());

try {
  const demo = await start();
  process.send?.({ ready: { url: demo.url } });
  say(`Ready after ${seconds()} s: ${demo.url}`);
  if (!stopping.signal.aborted)
    await new Promise((resolve) => stopping.signal.addEventListener("abort", resolve, { once: true }));
  await demo.close();
  say("Stopped");
  // The channel to the process that holds the instances would keep this one alive.
  if (process.connected) process.disconnect();
} catch (error) {
  if (!stopping.signal.aborted) fail(`The demo could not start: ${messageOf(error)}`);
  else say("Stopped before it was ready");
}
