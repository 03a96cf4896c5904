import type { Hold } from "./hold.ts";
import type { Durability } from "./lock-calls.ts";
import type { LockPlace } from "./lock-place.ts";

/** What is asked for. */
export interface AcquireRequest {
  readonly place: LockPlace;
  readonly permits: number;
  readonly limit: number;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly renew: boolean;
  readonly durability: Durability | undefined;
}

/** How an acquisition ends, besides by an error. */
export type Acquired = Hold | "busy" | "timeout";

/** One acquisition from the call to its end. It settles once; what comes after that is given back. */
export class Waiter {
  readonly request: AcquireRequest;
  readonly token: string;
  readonly startedAt: number;
  readonly outcome: Promise<Acquired>;
  /** Its place in the queue, by the server's clock; 0 before it has one. It keeps it whatever happens. */
  ticket = 0;
  /** It was refused once, before its process could hear. */
  triedOnce = false;
  /** A call is under way; a second one would say nothing more. */
  asking = false;
  /** Something happened while a call was under way that its answer may not know of. */
  askAgain = false;
  /** Why the store could not be asked the last time. */
  failure: unknown;
  settled = false;
  /** There is a hold of it, which is given back by its own release. */
  granted = false;
  #resolve!: (acquired: Acquired) => void;
  #reject!: (error: unknown) => void;
  #cleanUp: (() => void)[] = [];

  constructor(request: AcquireRequest, token: string, startedAt: number) {
    this.request = request;
    this.token = token;
    this.startedAt = startedAt;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get place(): LockPlace {
    return this.request.place;
  }

  /** Called once when it settles, however. */
  onSettled(cleanUp: () => void): void {
    this.#cleanUp.push(cleanUp);
  }

  /** Returns whether this settled it. */
  resolve(acquired: Acquired): boolean {
    if (!this.#end()) return false;
    this.#resolve(acquired);
    return true;
  }

  /** Returns whether this settled it. */
  reject(error: unknown): boolean {
    if (!this.#end()) return false;
    this.#reject(error);
    return true;
  }

  #end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    for (const cleanUp of this.#cleanUp) cleanUp();
    this.#cleanUp = [];
    return true;
  }
}
