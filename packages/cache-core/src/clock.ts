/**
 * Time as a dependency. Everything in the toolkit that waits or measures takes a `Clock`, so that tests decide
 * when time passes (`createFakeClock` in `@crm/cache-core/testing`).
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin. Never goes back; used for durations and deadlines. */
  monotonic(): number;
  /** Wall-clock milliseconds since the Unix epoch. Never decides anything that processes share. */
  wall(): number;
  /** Calls `callback` once after `delayMs`. The returned function cancels it. The timer never keeps a process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The clock of this machine. Timers are unreferenced: a cache never keeps a process from exiting. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, callback) {
    // Node fires at once when a delay does not fit 32 bits; nothing here waits longer than that on purpose.
    const timer = setTimeout(callback, Math.min(delayMs, 2_147_483_647));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
