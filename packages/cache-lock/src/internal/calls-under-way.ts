import type { Clock } from "@crm/cache-core";

/** How long they are waited for: for replicas, or a server that is slow, no longer. */
const SETTLE_WITHIN_MS = 1_000;

/** Calls whose answers may bring something along that is to be given back: who closes waits for them. */
export class CallsUnderWay {
  readonly #calls = new Set<Promise<unknown>>();

  follow<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call);
    const end = (): void => void this.#calls.delete(call);
    call.then(end, end);
    return call;
  }

  /** Resolves when there are none, those that began meanwhile among them, or it has taken too long. */
  async settle(clock: Clock): Promise<void> {
    let isLate = false;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(SETTLE_WITHIN_MS, () => {
        isLate = true;
        resolve();
      });
    });
    while (this.#calls.size > 0 && !isLate) {
      await Promise.race([Promise.allSettled(this.#calls), late]);
    }
    cancel();
  }
}
