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

/** What fits the 32 bits of a timer of Node, some 24 days: one that is longer fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** The clock of this machine. Timers are unreferenced: a cache never keeps a process from exiting. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, callback) {
    if (delayMs > LONGEST_TIMER_MS) return afterLong(delayMs, callback);
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** One timer after the other. */
function afterLong(delayMs: number, callback: () => void): () => void {
  let cancel = systemClock.after(LONGEST_TIMER_MS, () => {
    cancel = systemClock.after(delayMs - LONGEST_TIMER_MS, callback);
  });
  return () => cancel();
}
