import type { Clock } from "@crm/cache-core";

/** Waits for a ring, and remembers one that came before the wait. */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Forgets what rang until now: to be called before the look that it asked for, never after. */
  reset(): void {
    this.#rung = false;
  }

  /** Resolves at a ring, at once when it has rung since the last reset, or after `ms`. Resolves to whether it rang. */
  wait(clock: Clock, ms: number): Promise<boolean> {
    if (this.#rung) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#wake = undefined;
        resolve(this.#rung);
      };
      const cancel = clock.after(ms, done);
      this.#wake = done;
    });
  }
}
