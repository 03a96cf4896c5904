import { type Percentiles, percentiles } from "./percentiles.ts";

const MAX_SAMPLES_A_SECOND = 1000;

/** The latencies of the last seconds. Bounded: what is beyond 1,000 samples within one second is not kept. */
export class LatencyWindow {
  readonly #seconds: number[][];

  constructor(seconds: number) {
    this.#seconds = Array.from({ length: seconds }, () => []);
  }

  record(ms: number): void {
    const current = this.#seconds[0]!;
    if (current.length < MAX_SAMPLES_A_SECOND) current.push(ms);
  }

  /** Begins a new second and forgets the oldest. */
  tick(): void {
    this.#seconds.pop();
    this.#seconds.unshift([]);
  }

  clear(): void {
    for (const second of this.#seconds) second.length = 0;
  }

  read(): Percentiles | null {
    return percentiles(this.#seconds.flat());
  }
}
