// The only module that reads the environment. It passes on what others need, before they are imported.
import { pino } from "pino";
import pretty from "pino-pretty";
import { provideCacheSettings } from "./cache/settings.ts";
import { type DemoSettings, readSettings, SettingsError } from "./read-settings.ts";

const SHUTDOWN_MS = 4_500;

const startedAt = performance.now();
const say = (text: string) => process.stdout.write(`${text}\n`);
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
    if (!(error instanceof SettingsError)) throw error;
    fail(error.message);
    process.exit();
  }
}

const settings = settingsOrExit();
const logger = pino(
  { level: settings.logLevel },
  process.stderr.isTTY ? pretty({ destination: 2, sync: true, ignore: "pid,hostname" }) : pino.destination(2),
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

try {
  provideCacheSettings({ env: process.env, logger, invalidation: settings.invalidation });
  // Imported now, and not above: the composition root is made while it is imported, from what was just provided.
  const { serveDemo } = await import("./serve-demo.ts");
  const demo = await serveDemo({
    settings,
    logger,
    terminal: process.stdout,
    signal: stopping.signal,
  });
  say(`Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${demo.url}`);
  if (!stopping.signal.aborted)
    await new Promise((resolve) => stopping.signal.addEventListener("abort", resolve, { once: true }));
  await demo.close();
  say("Stopped");
} catch (error) {
  if (!stopping.signal.aborted)
    fail(`The demo could not start: ${error instanceof Error ? error.message : error}`);
  else say("Stopped before it was ready");
}
