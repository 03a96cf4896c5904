import type { Clock } from "../clock.ts";

/** A clock that stands still until it is told otherwise. */
export interface FakeClock extends Clock {
  /**
   * Lets `ms` milliseconds pass. Runs the timers that come due in their order, each at its own time, also those that
   * are set meanwhile; before each and at the end it lets promises and the event loop settle.
   */
  advance(ms: number): Promise<void>;
  /** As `advance`, at once: what waits for a promise does not get on in between. */
  advanceSync(ms: number): void;
  /** Sets the wall clock, as an operator or NTP would. Monotonic time and timers do not notice. */
  setWall(ms: number): void;
  /** Timers that wait. After a test: 0, or something was not closed. */
  readonly pendingTimers: number;
}

/** Where a fake clock begins. */
export interface FakeClockOptions {
  /** Wall time at the start, in ms since the epoch. @default 1_767_225_600_000 (2026-01-01T00:00:00Z) */
  readonly startMs?: number | undefined;
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Makes a `FakeClock`. Its monotonic time starts at 1,000 ms: like the real one it is no wall time, and not 0. */
export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  let monotonicMs = 1_000;
  let wallAheadMs = (options.startMs ?? 1_767_225_600_000) - monotonicMs;
  /** By due time, equal ones in the order in which they were set. */
  const timers: Timer[] = [];

  /** Runs the first timer due by `untilMs`, at its time. Returns whether there was one. */
  function runNext(untilMs: number): boolean {
    const timer = timers[0];
    if (timer === undefined || timer.dueMs > untilMs) return false;
    timers.shift();
    monotonicMs = Math.max(monotonicMs, timer.dueMs);
    timer.callback();
    return true;
  }

  return {
    monotonic: () => monotonicMs,
    wall: () => monotonicMs + wallAheadMs,

    after(delayMs, callback) {
      // Like `setTimeout`, never sooner than 1 ms: a timer that sets itself again cannot hold time up.
      const timer: Timer = { dueMs: monotonicMs + Math.max(1, delayMs), callback };
      let place = timers.length;
      while (place > 0 && timers[place - 1]!.dueMs > timer.dueMs) place--;
      timers.splice(place, 0, timer);
      return () => {
        const at = timers.indexOf(timer);
        if (at !== -1) timers.splice(at, 1);
      };
    },

    async advance(ms) {
      const untilMs = monotonicMs + ms;
      do await settle();
      while (runNext(untilMs));
      monotonicMs = Math.max(monotonicMs, untilMs);
    },

    advanceSync(ms) {
      const untilMs = monotonicMs + ms;
      while (runNext(untilMs));
      monotonicMs = Math.max(monotonicMs, untilMs);
    },

    setWall(ms) {
      wallAheadMs = ms - monotonicMs;
    },

    get pendingTimers() {
      return timers.length;
    },
  };
}

/** Two turns of the event loop, each of which runs every promise that is ready and what follows from it. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
