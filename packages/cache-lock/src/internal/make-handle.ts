import type { Duration } from "@crm/cache-core";
import type { Lock } from "../lock.ts";
import { resolveTtl } from "../options.ts";
import type { Hold } from "./hold.ts";

/** A handle on a hold. Several may share one, by re-entrancy: each is released once. */
export function makeHandle(hold: Hold): Lock {
  return new Handle(hold);
}

/** What is asked of it by name stands alone too: `const { release } = lock`. A class, since getters of a literal are made anew each time. */
class Handle implements Lock {
  readonly name: string;
  readonly value: string;
  readonly fence: number;
  readonly #hold: Hold;
  #released = false;
  #releasing: Promise<boolean> | undefined;

  constructor(hold: Hold) {
    this.name = hold.place.name;
    this.value = hold.token;
    this.fence = hold.fence;
    this.#hold = hold;
  }

  get signal(): AbortSignal {
    return this.#hold.signal;
  }

  get held(): boolean {
    return !this.#released && this.#hold.held;
  }

  readonly extend = async (ttl?: Duration): Promise<boolean> =>
    this.#hold.extend(ttl === undefined ? undefined : resolveTtl(ttl));

  readonly release = (): Promise<boolean> => {
    if (this.#released) return Promise.resolve(false);
    this.#released = true;
    this.#releasing = this.#hold.release();
    return this.#releasing;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    // What the block returned or threw must not be replaced; the failure is an event, and is tried again.
    await (this.#released ? this.#releasing : this.release())?.catch(() => {});
  }
}
