/**
 * What this process knows of one path to a server: whether it answers, and what time it is there. A single server has
 * one lane; in a Cluster each slot group has its own, so that a dead node silences only its share.
 *
 * The breaker opens when a deadline passes *and nothing at all was answered in its later half*: then the path is
 * silent, and further calls fail at once. One slow command among answered ones opens nothing. Any answer, also a late
 * one, closes it. While it is open a probe is sent now and then; nothing else is.
 */
export class Lane {
  /** Monotonic time of the last answer. */
  #lastAnswer = Number.NEGATIVE_INFINITY;
  #silentSince: number | null = null;
  #refusesUntil = Number.NEGATIVE_INFINITY;
  #offset: number | null = null;
  #offsetAt = Number.NEGATIVE_INFINITY;
  /** By how much the offset may be too small: the time from the question to the answer it came from. */
  #spreadMs = 0;
  #sampledAt = Number.NEGATIVE_INFINITY;
  readonly hashTag: string;

  constructor(hashTag: string) {
    this.hashTag = hashTag;
  }

  get silent(): boolean {
    return this.#silentSince !== null;
  }

  /** How long the lane has been silent, in ms. */
  get silentMs(): number {
    return this.#silentSince === null ? 0 : performance.now() - this.#silentSince;
  }

  /**
   * Whether the server has just said that it serves nobody for now. A server that is loading its data looks at commands
   * between keys only, so each refusal takes a while: nobody else waits for one before this moment has passed.
   */
  get refuses(): boolean {
    return this.#refusesUntil > 0 && performance.now() < this.#refusesUntil;
  }

  noteRefusal(): void {
    this.#refusesUntil = performance.now() + REFUSED_FOR_MS;
  }

  /** An answer came. Returns whether it ended a silence. */
  answered(): boolean {
    this.#lastAnswer = performance.now();
    if (this.#silentSince === null) return false;
    this.#silentSince = null;
    return true;
  }

  /** A call sent at `sentAt` passed its deadline. Returns whether a silence began. */
  timedOut(sentAt: number): boolean {
    const now = performance.now();
    // An answer to an earlier call may have come shortly after this one was sent, just before all fell silent.
    if (this.#silentSince !== null || now - this.#lastAnswer < (now - sentAt) / 2) return false;
    this.#silentSince = now;
    return true;
  }

  /** The connection is new: what was silent before says nothing about it, and the server may be another. */
  reset(): void {
    this.#silentSince = null;
    this.#offsetAt = Number.NEGATIVE_INFINITY;
    this.#sampledAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * Notes the server's time, asked for at `sentAt`. An answer is always older than its arrival, so among recent samples
   * the latest clock is the closest; an old sample gives way whatever it says, since either clock may have been set.
   */
  noteServerTime(serverMs: number, sentAt: number): void {
    const now = performance.now();
    const offset = serverMs - now;
    if (this.#offset === null || offset > this.#offset || now - this.#offsetAt > 4 * CLOCK_REFRESH_MS) {
      this.#offset = offset;
      this.#offsetAt = now;
      this.#spreadMs = now - sentAt;
    }
    this.#sampledAt = now;
  }

  get clockIsOld(): boolean {
    return performance.now() - this.#sampledAt > CLOCK_REFRESH_MS;
  }

  /** The server's clock now. Before the first sample: this machine's, which no decision has needed yet. */
  serverNow(): number {
    return Math.floor(this.#offset === null ? Date.now() : performance.now() + this.#offset);
  }

  /**
   * What the server's clock shows now at least, and by how much that may be too little; `undefined` when it was not asked
   * for long. The clocks of two machines part by less than 500 ppm.
   */
  get bounds(): { readonly atLeast: number; readonly spreadMs: number } | undefined {
    const now = performance.now();
    const ageMs = now - this.#offsetAt;
    if (this.#offset === null || ageMs > LONGEST_TRUST_MS) return undefined;
    const driftMs = ageMs * DRIFT;
    return { atLeast: now + this.#offset - driftMs, spreadMs: this.#spreadMs + 2 * driftMs };
  }
}

/** A server that has refused is left alone so long. */
const REFUSED_FOR_MS = 50;
const CLOCK_REFRESH_MS = 5_000;
const LONGEST_TRUST_MS = 60_000;
const DRIFT = 0.0005;
