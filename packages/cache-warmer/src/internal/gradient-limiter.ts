/** What the limiter can be told. */
export interface LimiterSettings {
  readonly min: number;
  /** The limit at the start. @default as many as the first run may have in flight */
  readonly initial?: number | undefined;
  readonly windowMs: number;
  /** How much slower than its best the origin may be before the limit falls. */
  readonly tolerance: number;
}

/** Where a limiter stands. */
export interface LimiterState {
  /** Loads that may be in flight now. */
  readonly limit: number;
  /** How slow the origin was in the last window, as a multiple of its best; 1 before there is one. */
  readonly slowdown: number;
  /** Windows that have been judged. */
  readonly windows: number;
  /** Windows after which the limit fell. */
  readonly backoffs: number;
}

/** A load under way. */
export interface TimedLoad {
  readonly task: string;
  readonly category: string;
  readonly began: number;
}

/** Fewer samples say nothing, unless the window has lasted four times as long. */
const MIN_SAMPLES = 4;
/** No window takes away more than half. */
const LOWEST_GRADIENT = 0.5;
/** How fast a best time is forgotten, each window: an origin that became slower for good is believed after some minutes. */
const DRIFT = 1.005;
/** Tasks whose best time is known. */
const MAX_BASELINES = 20_000;
/** Timers and event loops disturb every duration by about so much. */
const NOISE_MS = 0.5;

/**
 * How many loads may be in flight: the gradient limiter of Netflix' concurrency-limits (`GradientLimit`: the ratio of the
 * best time to the present one, never below a half, scales the limit), with three differences.
 *
 * - Times are compared with the best of the same task, since tasks differ by orders of magnitude. Where a task is new, the
 *   median of its category in this window is compared with the category's best median.
 * - There is no allowance for a queue, as whoever warms should cause none: the limit grows by one a window, only when it was
 *   reached and the origin is as fast as it ever was.
 * - A window is judged by its median.
 *
 * Reads no clock: whoever reports says when.
 */
export class GradientLimiter {
  readonly #settings: LimiterSettings;
  /** Best times, by task and by category, divided by the drift when they were noted. */
  readonly #best = new Map<string, number>();
  #drift = 1;
  #ratios: number[] = [];
  #unknown = new Map<string, number[]>();
  #samples = 0;
  #windowBegan = Number.NaN;
  #reached = false;
  #limit: number;
  #max = 0;
  #slowdown = 1;
  #windows = 0;
  #backoffs = 0;

  constructor(settings: LimiterSettings) {
    this.#settings = settings;
    this.#limit = settings.initial ?? Number.POSITIVE_INFINITY;
  }

  /** So many may be in flight from now on, at most. A limit that has not fallen goes along. */
  fit(max: number): void {
    const fallen = this.#max > 0 && this.#limit < this.#max;
    if (!fallen && this.#max > 0) this.#limit = max;
    this.#max = max;
    this.#limit = Math.max(1, Math.min(max, this.#limit));
  }

  get limit(): number {
    // What halving leaves of one is still one; an unfitted limit is none yet.
    return Number.isFinite(this.#limit) ? Math.max(1, Math.floor(this.#limit)) : 1;
  }

  get state(): LimiterState {
    const { limit } = this;
    return { limit, slowdown: this.#slowdown, windows: this.#windows, backoffs: this.#backoffs };
  }

  /** A load begins. Each needs its `end`. */
  begin(task: string, category: string, nowMs: number): TimedLoad {
    return { task, category, began: nowMs };
  }

  /** A load has ended; `inFlight` counts it. One that does not count says nothing. Returns whether a window was judged. */
  end(load: TimedLoad, inFlight: number, nowMs: number, counts = true): boolean {
    if (!counts) return false;
    const { task, category, began } = load;
    const durationMs = nowMs - began;
    if (Number.isNaN(this.#windowBegan)) this.#windowBegan = began;
    const name = `t:${task}`;
    const best = this.#bestOf(name);
    if (best === undefined) {
      const values = this.#unknown.get(category);
      if (values === undefined) this.#unknown.set(category, [durationMs]);
      else values.push(durationMs);
    } else {
      this.#ratios.push(slownessOf(durationMs, best));
    }
    this.#learn(name, durationMs);
    this.#samples++;
    if (inFlight >= this.limit) this.#reached = true;
    const lasted = nowMs - this.#windowBegan;
    const { windowMs } = this.#settings;
    if (lasted < windowMs) return false;
    if (this.#samples < MIN_SAMPLES && lasted < 4 * windowMs) return false;
    this.#judge(nowMs);
    return true;
  }

  #judge(nowMs: number): void {
    const { tolerance } = this.#settings;
    for (const [category, values] of this.#unknown) {
      const name = `c:${category}`;
      const median = medianOf(values);
      this.#learn(name, median);
      const ratio = slownessOf(median, this.#bestOf(name) ?? median);
      for (let n = 0; n < values.length; n++) this.#ratios.push(ratio);
    }
    this.#slowdown = medianOf(this.#ratios);
    if (this.#slowdown > tolerance) this.#fall();
    else if (this.#reached && this.#slowdown <= (1 + tolerance) / 2) {
      this.#limit = Math.min(this.#max, this.#limit + 1);
    }
    this.#begin(nowMs);
  }

  #fall(): void {
    const { min, tolerance } = this.#settings;
    const gradient = Math.max(LOWEST_GRADIENT, Math.min(1, tolerance / this.#slowdown));
    this.#limit = Math.max(Math.min(min, this.#max), this.#limit * gradient);
    this.#backoffs++;
  }

  /** A new window. */
  #begin(nowMs: number): void {
    this.#windows++;
    this.#ratios = [];
    this.#unknown = new Map();
    this.#samples = 0;
    this.#reached = false;
    this.#windowBegan = nowMs;
    this.#drift *= DRIFT;
  }

  #bestOf(name: string): number | undefined {
    const best = this.#best.get(name);
    return best === undefined ? undefined : best * this.#drift;
  }

  #learn(name: string, durationMs: number): void {
    const best = this.#bestOf(name);
    if (best !== undefined && best <= durationMs) return;
    if (best === undefined && this.#best.size >= MAX_BASELINES) {
      // The one that was noted first; which it is matters little.
      for (const oldest of this.#best.keys()) {
        this.#best.delete(oldest);
        break;
      }
    }
    this.#best.set(name, durationMs / this.#drift);
  }
}

function slownessOf(durationMs: number, usualMs: number): number {
  return (durationMs + NOISE_MS) / (usualMs + NOISE_MS);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
