/** A refusal that this process remembers. */
export interface Denial {
  /** The plan that refused: another one, with other limits, has to ask. */
  readonly plan: string;
  /** Calls that cost less may pass. */
  readonly cost: number;
  /** Monotonic ms at which it was decided at the latest, and until which it stands. */
  readonly at: number;
  readonly until: number;
  /** The figures of the rules as they were: cost left, ms until all is back, ms to wait. */
  readonly figures: readonly number[];
}

/**
 * Refusals by subject, the least recently used leaving first. One is remembered only as long as the store would
 * repeat it: until the longest wait of the rules that refused, counted from before the question was sent.
 */
export class DenyCache {
  readonly #maxEntries: number;
  readonly #maxAgeMs: number;
  readonly #denials = new Map<string, Denial>();
  #newest = "";
  #forgotten = 0;

  constructor(maxEntries: number, maxAgeMs: number) {
    this.#maxEntries = maxEntries;
    this.#maxAgeMs = maxAgeMs;
  }

  get size(): number {
    return this.#denials.size;
  }

  /** Changes whenever something was forgotten: an answer to a question asked before is too old to be remembered. */
  get epoch(): number {
    return this.#forgotten;
  }

  find(subject: string, plan: string, cost: number, now: number): Denial | undefined {
    const denial = this.#denials.get(subject);
    if (denial === undefined) return undefined;
    if (now >= denial.until) {
      this.#denials.delete(subject);
      return undefined;
    }
    if (denial.plan !== plan || cost < denial.cost) return undefined;
    if (subject !== this.#newest) {
      this.#denials.delete(subject);
      this.#denials.set(subject, denial);
      this.#newest = subject;
    }
    return denial;
  }

  remember(subject: string, denial: Denial): void {
    const until = Math.min(denial.until, denial.at + this.#maxAgeMs);
    this.#denials.delete(subject);
    this.#denials.set(subject, { ...denial, until });
    this.#newest = subject;
    if (this.#denials.size <= this.#maxEntries) return;
    for (const oldest of this.#denials.keys()) {
      this.#denials.delete(oldest);
      break;
    }
  }

  forget(subject: string): void {
    this.#forgotten++;
    this.#denials.delete(subject);
  }
}
