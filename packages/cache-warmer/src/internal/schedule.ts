import { type Clock, InvalidOptionError } from "@crm/cache-core";
import { Cron } from "croner";
import { InvalidScheduleError } from "../errors.ts";
import type { BackgroundOptions } from "../options.ts";

/** Says how long to wait until the next time. */
export type NextDelay = () => number;

/** Timers hold 31 bits of ms: what is further away is waited for in parts. */
const LONGEST_TIMER_MS = 2_000_000_000;
const MAX_MINUTES = 525_600;

/** @throws InvalidOptionError, InvalidScheduleError */
export function nextDelayOf(options: BackgroundOptions, clock: Clock): NextDelay {
  const { minutes, cron, timezone } = options;
  if (minutes !== undefined && cron !== undefined) {
    throw new InvalidOptionError({ options: ["minutes", "cron"], reason: "each is a schedule of its own" });
  }
  if (cron === undefined) {
    if (typeof minutes !== "number" || !(minutes > 0 && minutes <= MAX_MINUTES)) {
      const expected = `minutes above 0 and up to ${MAX_MINUTES}, or a cron pattern in \`cron\``;
      throw new InvalidOptionError({ option: "minutes", received: minutes, expected });
    }
    return () => minutes * 60_000;
  }
  const next = readCron(cron, timezone, clock);
  next();
  return next;
}

function readCron(pattern: unknown, timezone: string | undefined, clock: Clock): NextDelay {
  if (typeof pattern !== "string") throw new InvalidScheduleError(String(pattern));
  const received = timezone === undefined ? pattern : `${pattern} in ${timezone}`;
  let cron: Cron;
  try {
    cron = new Cron(pattern, { paused: true, ...(timezone === undefined ? {} : { timezone }) });
  } catch (cause) {
    throw new InvalidScheduleError(received, cause);
  }
  return () => {
    const now = clock.wall();
    let next: Date | null;
    try {
      next = cron.nextRun(new Date(now));
    } catch (cause) {
      throw new InvalidScheduleError(received, cause);
    }
    if (next === null) throw new InvalidScheduleError(received);
    return Math.max(1, next.getTime() - now);
  };
}

/** Calls `work` each time, until the function returned is called. The timer keeps no process alive. */
export function repeat(clock: Clock, nextDelay: NextDelay, work: () => void): () => void {
  let cancel: () => void = () => {};
  const wait = (leftMs: number): void => {
    cancel = clock.after(Math.min(leftMs, LONGEST_TIMER_MS), () => {
      if (leftMs > LONGEST_TIMER_MS) return wait(leftMs - LONGEST_TIMER_MS);
      work();
      let delay: number;
      try {
        delay = nextDelay();
      } catch {
        // A pattern with a year in it has had its last time.
        return;
      }
      wait(delay);
    });
  };
  wait(nextDelay());
  return () => cancel();
}
