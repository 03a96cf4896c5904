import { WarmerClosedError } from "@crm/cache-warmer";
import type { Logger } from "pino";
import { cacheWarmer, performStartupWarming } from "./cache/index.ts";
import type { Terminal } from "./terminal/show-import.ts";

const READY_AT = 8;
const DEADLINE = "10s";
const BACKGROUND_MINUTES = 30;
const EXPIRING_SECONDS = 60;
const LOOK_MS = 30_000;

/**
 * Warms the cache, and keeps it warm. Resolves when what matters most is there or the deadline has passed; the rest is
 * loaded meanwhile. Returns what ends the schedules.
 */
export async function keepWarm(options: {
  readonly logger: Logger;
  readonly terminal: Terminal;
}): Promise<() => Promise<void>> {
  const { logger, terminal } = options;
  const failed = (error: unknown) => {
    if (!WarmerClosedError.isInstance(error)) logger.warn({ err: error }, "warming ended early");
  };
  performStartupWarming({ readyAt: READY_AT, deadline: DEADLINE }).then(
    ({ keysWarmed, failedTasks, totalTime }) =>
      logger.info({ keysWarmed, failedTasks, totalTime: Math.round(totalTime) }, "Cache warming metrics"),
    failed,
  );
  const { reason, remaining, openedAfter } = await cacheWarmer.whenReady();
  terminal.write(
    reason === "warmed"
      ? `Warmed what is asked for first in ${((openedAfter ?? 0) / 1000).toFixed(1)} s\n`
      : `Not warm after ${DEADLINE}: ${remaining} tasks are left, and are loaded meanwhile\n`,
  );
  cacheWarmer.startBackgroundWarming(BACKGROUND_MINUTES);
  // What is about to expire is loaded again before somebody has to wait for it.
  let looking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    looking = cacheWarmer.warmExpiringSoon(EXPIRING_SECONDS).catch(failed);
  }, LOOK_MS);
  return async () => {
    clearInterval(timer);
    await cacheWarmer.close();
    await looking;
  };
}
