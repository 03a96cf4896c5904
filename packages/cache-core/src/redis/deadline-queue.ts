interface Waiting {
  readonly at: number;
  settled: boolean;
  readonly expire: () => void;
  next: Waiting | undefined;
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
  /** The oldest; each knows the next. */
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /**
   * Calls `expire` when the duration has passed since `from`, unless the handle was settled before. Calls come in the order of
   * these times, or nearly: one that is late holds those before it up no longer than that.
   */
  add(expire: () => void, from: number = performance.now()): Waiting {
    // Answered calls leave the front at once, so that the queue stays as short as what is in flight.
    this.#dropSettled();
    const waiting = { at: from + this.#durationMs, settled: false, expire, next: undefined };
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
    if (this.#timer === undefined) this.#arm(this.#durationMs);
    return waiting;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#first = undefined;
    this.#last = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => setImmediate(() => setImmediate(() => this.#judge())), delayMs);
    this.#timer.unref();
  }

  #dropSettled(): void {
    while (this.#first?.settled) this.#dropFirst(this.#first);
  }

  #dropFirst(first: Waiting): void {
    this.#first = first.next;
    if (first.next === undefined) this.#last = undefined;
    // One that has grown old would keep all that came after it from being collected with the young.
    else first.next = undefined;
  }

  #judge(): void {
    const now = performance.now();
    const due: Waiting[] = [];
    for (this.#dropSettled(); this.#first !== undefined; this.#dropSettled()) {
      const oldest = this.#first;
      if (oldest.at > now) break;
      oldest.settled = true;
      due.push(oldest);
    }
    if (this.#first === undefined) this.#timer = undefined;
    else this.#arm(Math.max(1, this.#first.at - now));
    for (const waiting of due) waiting.expire();
  }
}

export type DeadlineHandle = ReturnType<DeadlineQueue["add"]>;
