import { type Clock, holdProcess } from "@crm/cache-core";

/** The timers of a run. All are gone when it is over. */
export class RunTimers {
  readonly #clock: Clock;
  readonly #pauses = new Set<() => void>();
  #cancelPoll: (() => void) | undefined;
  #cancelBeat: (() => void) | undefined;
  #release: (() => void) | undefined;
  #over = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Timers of the clock keep no process alive, and neither does a promise: without this a program that waits for nothing but
   * the pause before a repetition would end in the middle of its `await`.
   */
  holdProcess(): void {
    this.#release ??= holdProcess();
  }

  /** One look at a time: a second call while one is due changes nothing. */
  poll(ms: number, work: () => void): void {
    if (this.#over) return;
    this.#cancelPoll ??= this.#clock.after(ms, () => {
      this.#cancelPoll = undefined;
      work();
    });
  }

  /** Again and again, until it is over. */
  beat(ms: number, work: () => void): void {
    if (this.#over) return;
    this.#cancelBeat = this.#clock.after(ms, () => {
      work();
      this.beat(ms, work);
    });
  }

  /** Resolves after a pause, to whether the run still goes on; to `false` at once when it is over. */
  pause(ms: number): Promise<boolean> {
    if (this.#over) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (): void => {
        this.#pauses.delete(end);
        cancel();
        resolve(!this.#over);
      };
      const cancel = this.#clock.after(ms, end);
      this.#pauses.add(end);
    });
  }

  stop(): void {
    this.#over = true;
    this.#cancelPoll?.();
    this.#cancelBeat?.();
    for (const end of [...this.#pauses]) end();
    this.#release?.();
  }
}
