interface Waiting {
  readonly at: number;
  settled: boolean;
  readonly expire: () => void;
}

/**
 * Deadlines of one duration. Since all last equally long they end in the order in which they began, so one timer, for
 * the oldest, serves them all.
 *
 * A deadline is judged only after the event loop has had a chance to read: when this process itself was busy, the
 * answer may be waiting in the socket.
 */
export class DeadlineQueue {
  readonly #durationMs: number;
  #waiting: Waiting[] = [];
  #head = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /** Calls `expire` when the duration has passed, unless the handle was settled before. */
  add(expire: () => void): Waiting {
    const waiting = { at: performance.now() + this.#durationMs, settled: false, expire };
    this.#waiting.push(waiting);
    if (this.#timer === undefined) this.#arm(this.#durationMs);
    // Answered calls leave the front at once, so that the queue stays as short as what is in flight.
    this.#dropSettled();
    return waiting;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.#head = 0;
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => setImmediate(() => setImmediate(() => this.#judge())), delayMs);
    this.#timer.unref();
  }

  #dropSettled(): void {
    while (this.#head < this.#waiting.length && (this.#waiting[this.#head] as Waiting).settled) this.#head++;
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  #judge(): void {
    const now = performance.now();
    const due: Waiting[] = [];
    for (this.#dropSettled(); this.#head < this.#waiting.length; this.#dropSettled()) {
      const oldest = this.#waiting[this.#head] as Waiting;
      if (oldest.at > now) break;
      oldest.settled = true;
      due.push(oldest);
    }
    const next = this.#waiting[this.#head];
    if (next === undefined) this.#timer = undefined;
    else this.#arm(Math.max(1, next.at - now));
    for (const waiting of due) waiting.expire();
  }
}

export type DeadlineHandle = ReturnType<DeadlineQueue["add"]>;
