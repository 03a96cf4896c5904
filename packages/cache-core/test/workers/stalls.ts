/**
 * Knows when this process wanted to run and was not let: time that says something about the machine and nothing about
 * the code. What the process computed itself in that time counts as its own.
 */
export class Stalls {
  readonly #found: { readonly end: number; readonly lost: number }[] = [];
  #last = performance.now();
  #cpu = process.cpuUsage();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), TICK_MS);
    this.#timer.unref();
  }

  /** Milliseconds of a span that were taken from this process. */
  within(began: number, ended: number): number {
    this.#look();
    let sum = 0;
    for (let i = this.#found.length - 1; i >= 0; i--) {
      const { end, lost } = this.#found[i] as { end: number; lost: number };
      if (end < began) break;
      if (end - lost < ended) sum += Math.min(end, ended) - Math.max(end - lost, began);
    }
    return Math.max(0, sum);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const used = process.cpuUsage(this.#cpu);
    const lost = now - this.#last - TICK_MS - (used.user + used.system) / 1_000;
    if (lost > 2) this.#found.push({ end: now, lost });
    this.#last = now;
    this.#cpu = process.cpuUsage();
  }
}

const TICK_MS = 2;
