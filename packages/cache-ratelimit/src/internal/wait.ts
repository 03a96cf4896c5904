import type { Clock } from "@crm/cache-core";

/** One call that has asked for a place in a queue. */
export class Wait {
  readonly queue: string;
  /** Rejects when the wait is left. */
  readonly left: Promise<never>;
  readonly #clock: Clock;
  readonly #began: number;
  #reject!: (reason: unknown) => void;
  #hasLeft = false;
  /** When the place's time comes: by the server's clock, and by this process's. */
  #serverAt = Number.POSITIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  /** When the place was taken, in µs of the server: tells places of one ms apart. */
  #takenAt = 0;
  #moved: { readonly dueAt: number; readonly serverAt: number } | undefined;
  #cancelTimer: (() => void) | undefined;
  #arrived: (() => void) | undefined;
  #resolve: ((waitedSeconds: number) => void) | undefined;

  constructor(queue: string, clock: Clock) {
    this.queue = queue;
    this.#clock = clock;
    this.#began = clock.monotonic();
    this.left = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    this.left.catch(() => {});
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Resolves, in seconds waited, when `come` is called; `arrived` is called when the time has come. */
  until(delayMs: number, takenAt: number, arrived: () => void): Promise<number> {
    this.#takenAt = takenAt;
    this.#arrived = arrived;
    this.#dueAt = this.#clock.monotonic() + delayMs;
    this.#serverAt = Math.floor(takenAt / 1000) + delayMs;
    // A message may overtake the reply.
    this.#follow();
    const turn = new Promise<number>((resolve) => {
      this.#resolve = resolve;
      this.#arm();
    });
    return Promise.race([turn, this.left]);
  }

  /** Another time for the place: in ms from now, and by the server's clock. */
  move(delayMs: number, serverAt: number): void {
    this.#moved = { dueAt: this.#clock.monotonic() + delayMs, serverAt };
    if (this.#arrived === undefined) return;
    this.#follow();
    this.#arm();
  }

  /** Whether this place lies before another one of the queue. */
  isBefore(other: Wait): boolean {
    if (this.#serverAt !== other.#serverAt) return this.#serverAt < other.#serverAt;
    return this.#takenAt < other.#takenAt;
  }

  come(): void {
    this.#cancelTimer?.();
    this.#resolve?.((this.#clock.monotonic() - this.#began) / 1000);
  }

  leave(reason: unknown): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#reject(reason);
  }

  end(): void {
    this.#cancelTimer?.();
    this.#resolve = undefined;
  }

  #follow(): void {
    if (this.#moved === undefined) return;
    this.#dueAt = this.#moved.dueAt;
    this.#serverAt = this.#moved.serverAt;
  }

  #arm(): void {
    this.#cancelTimer?.();
    const left = this.#dueAt - this.#clock.monotonic();
    if (left <= 0) {
      this.#arrived?.();
      return;
    }
    // A timer may fire a little early; it is then set again.
    this.#cancelTimer = this.#clock.after(Math.max(1, left), () => this.#arm());
  }
}
