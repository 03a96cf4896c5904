import { type Clock, InvalidOptionError } from "@crm/cache-core";
import { Cron } from "croner";
import { InvalidScheduleError } from "../errors.ts";
import type { BackgroundOptions } from "../options.ts";

/** Says how long to wait until the next time. */
export type NextDelay = () => number;

/** Timers hold 31 bits of ms, and the wall clock may be set meanwhile: what is further away is waited for in parts. */
const LONGEST_TIMER_MS = 600_000;
const MAX_MINUTES = 525_600;

/** @throws InvalidOptionError, InvalidScheduleError */
export function nextDelayOf(options: BackgroundOptions, clock: Clock): NextDelay {
  const { minutes, cron, timezone } = options;
  if (minutes !== undefined && cron !== undefined) {
    throw new InvalidOptionError({ options: ["minutes", "cron"], reason: "each is a schedule of its own" });
  }
  if (timezone !== undefined && cron === undefined) {
    const reason = "only a cron pattern has a time zone";
    throw new InvalidOptionError({
      options: ["minutes", "timezone"],
      reason,
      advice: "Leave out `timezone`.",
    });
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
  // An empty one would silently be the process's.
  if (timezone !== undefined && (typeof timezone !== "string" || timezone === "")) {
    const expected = 'the name of a time zone, such as "Europe/Belgrade"';
    throw new InvalidOptionError({ option: "timezone", received: timezone, expected });
  }
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

/**
 * Calls `work` each time, until the function returned is called. The timer keeps no process alive. With a cron pattern the wall clock
 * decides: a timer that comes early by it, as after a correction, waits for the rest instead of running the same time twice.
 */
export function repeat(clock: Clock, nextDelay: NextDelay, byWall: boolean, work: () => void): () => void {
  const now = byWall ? () => clock.wall() : () => clock.monotonic();
  let cancel: () => void = () => {};
  const waitUntil = (dueAt: number): void => {
    cancel = clock.after(Math.min(Math.max(1, dueAt - now()), LONGEST_TIMER_MS), () => {
      if (now() < dueAt) return waitUntil(dueAt);
      work();
      let delay: number;
      try {
        delay = nextDelay();
      } catch {
        // A pattern with a year in it has had its last time.
        return;
      }
      waitUntil(now() + delay);
    });
  };
  waitUntil(now() + nextDelay());
  return () => cancel();
}
