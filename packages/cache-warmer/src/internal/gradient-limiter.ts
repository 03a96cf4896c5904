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
  /** From then on it is overdue; infinite where nothing is known of its kind. */
  readonly overdueAt: number;
}

/** How a load ended. What failed may have failed at once, and what was found was not loaded: neither says how fast the origin can be. */
export type LoadEnd = "loaded" | "failed" | "found";

/** Fewer samples say nothing, unless the window has lasted four times as long. */
const MIN_SAMPLES = 4;
/** No window takes away more than half. */
const LOWEST_GRADIENT = 0.5;
/** A load is overdue when it has taken so many times what is usual, and so much longer at least, and has not ended. */
const OVERDUE = 2;
const OVERDUE_MS = 10;
/** Windows that the limit rests, at most, before it tries again what did not go well. */
const MAX_REST = 8;
/** How fast a best time is forgotten, each window: an origin that became slower for good is believed after some minutes. */
const DRIFT = 1.005;
/** Tasks whose best time is known. */
const MAX_BASELINES = 20_000;
const MAX_CATEGORIES = 1_000;
/** Timers and event loops disturb every duration by about so much. */
const NOISE_MS = 0.5;

/**
 * How many loads may be in flight: the gradient limiter of Netflix' concurrency-limits (`GradientLimit`: the ratio of the
 * best time to the present one, never below a half, scales the limit), with these differences.
 *
 * - Times are compared with the best of the same task, since tasks differ by orders of magnitude. Where a task is new, the
 *   median of its category in this window is compared with the category's best median.
 * - A window is judged by its median.
 * - There is no allowance for a queue, as whoever warms should cause none: the limit grows only when it was reached and the
 *   origin is as fast as it ever was, by 1, 2, 4, … from window to window. A step after which it is not is taken back, and the next one
 *   is tried later each time: up to 8 windows, halved by each step that goes well.
 * - From half of the limit at which the origin was last too slow it grows by 1, until it is past that one: as TCP's window does from
 *   `ssthresh` on (RFC 5681, section 3.1). So looking for more costs others little.
 * - Loads that do not end say something, too. When more than half of those under way are overdue the limit falls to its minimum, as
 *   TCP's window does after a timeout, and grows from there.
 *
 * Reads no clock: whoever reports says when.
 */
export class GradientLimiter {
  readonly #settings: LimiterSettings;
  /** Best times, by task and by category, divided by the drift when they were noted. */
  readonly #best = new Map<string, number>();
  #drift = 1;
  /** What half of the time spent on new tasks went to loads as long as, by category: in the last window that was not slow. */
  readonly #usual = new Map<string, number>();
  readonly #underWay = new Set<TimedLoad>();
  /** When the limit fell on account of overdue loads. */
  #fellAt = Number.NEGATIVE_INFINITY;
  /** By how much the limit grows next, and by how much it has grown in the last window. */
  #step = 1;
  #grown = 0;
  /** The limit at which the origin was last too slow. */
  #trouble = Number.POSITIVE_INFINITY;
  /** Windows to rest after the next failure, and those left to rest now. */
  #rest = 1;
  #resting = 0;
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
    const usualMs = this.#bestOf(`t:${task}`) ?? this.#usual.get(category) ?? Number.POSITIVE_INFINITY;
    const overdueAt = nowMs + Math.max(OVERDUE * usualMs, usualMs + OVERDUE_MS);
    const load = { task, category, began: nowMs, overdueAt };
    this.#underWay.add(load);
    return load;
  }

  /** A load has ended; `inFlight` counts it. Returns whether a window was judged. */
  end(load: TimedLoad, inFlight: number, nowMs: number, how: LoadEnd = "loaded"): boolean {
    this.#underWay.delete(load);
    // What began before the limit fell tells of the time before.
    if (how === "found" || load.began < this.#fellAt) return false;
    const { task, category, began } = load;
    const durationMs = nowMs - began;
    const name = `t:${task}`;
    const best = this.#bestOf(name);
    if (how === "failed" && !(best !== undefined && durationMs > best)) return false;
    if (Number.isNaN(this.#windowBegan)) this.#windowBegan = began;
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

  /** When more than half of the loads under way will be overdue, if none ends; infinite while there are too few to tell. */
  get overdueAt(): number {
    const moments: number[] = [];
    for (const { began, overdueAt } of this.#underWay) if (began >= this.#fellAt) moments.push(overdueAt);
    if (moments.length < MIN_SAMPLES) return Number.POSITIVE_INFINITY;
    return moments.sort((a, b) => a - b)[Math.floor(moments.length / 2)] as number;
  }

  /** More than half of the loads under way are overdue: the limit falls, once for those that began before. */
  giveWay(nowMs: number): void {
    this.#fellAt = nowMs;
    this.#slowdown = Math.max(this.#slowdown, OVERDUE);
    // At twice the usual time half as many would still have been too many.
    this.#trouble = this.#limit / OVERDUE;
    this.#limit = Math.min(this.#settings.min, this.#max);
    this.#backoffs++;
    this.#step = 1;
    this.#grown = 0;
    this.#resting = 0;
    this.#begin(nowMs);
  }

  #judge(nowMs: number): void {
    const { tolerance } = this.#settings;
    for (const [category, values] of this.#unknown) {
      const name = `c:${category}`;
      const median = medianOf(values);
      this.#learn(name, median);
      const ratio = slownessOf(median, this.#bestOf(name) ?? median);
      for (let n = 0; n < values.length; n++) this.#ratios.push(ratio);
      if (ratio <= tolerance && (this.#usual.size < MAX_CATEGORIES || this.#usual.has(category)))
        this.#usual.set(category, usualOf(values));
    }
    this.#slowdown = medianOf(this.#ratios);
    if (this.#resting > 0) this.#resting--;
    if (this.#slowdown > tolerance) this.#fall();
    else if (this.#slowdown > (1 + tolerance) / 2) this.#takeBack();
    else if (this.#reached) this.#grow();
    this.#begin(nowMs);
  }

  #grow(): void {
    if (this.#grown > 0) this.#rest = Math.max(1, Math.floor(this.#rest / 2));
    this.#grown = 0;
    if (this.#limit >= this.#trouble) this.#trouble = Number.POSITIVE_INFINITY;
    if (this.#resting > 0) return;
    const before = this.#limit;
    const careful = this.#trouble / 2;
    if (before >= careful) this.#step = 1;
    this.#limit = Math.min(this.#max, before < careful ? Math.min(careful, before + this.#step) : before + 1);
    this.#grown = this.#limit - before;
    if (this.#grown > 0) this.#step *= 2;
  }

  /** The last step made the origin slower. */
  #takeBack(): void {
    if (this.#grown === 0) return;
    this.#trouble = this.#limit;
    this.#limit -= this.#grown;
    this.#pause();
  }

  #fall(): void {
    const { min, tolerance } = this.#settings;
    const least = Math.min(min, this.#max);
    // Whatever makes the origin slow then, it is not we.
    if (this.#limit <= least) return;
    this.#trouble = this.#limit;
    const gradient = Math.max(LOWEST_GRADIENT, Math.min(1, tolerance / this.#slowdown));
    this.#limit = Math.max(least, this.#limit * gradient);
    this.#backoffs++;
    this.#pause();
  }

  #pause(): void {
    this.#resting = this.#rest;
    this.#rest = Math.min(MAX_REST, 2 * this.#rest);
    this.#step = 1;
    this.#grown = 0;
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

/**
 * Half of the time was spent on loads at least as long. At any moment half of the loads under way are as long, so that half of them cannot
 * be overdue where a category holds tasks of all sizes and the long ones are those that are seen under way.
 */
function usualOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  let left = sorted.reduce((sum, ms) => sum + ms, 0) / 2;
  for (const ms of sorted) {
    left -= ms;
    if (left <= 0) return ms;
  }
  return sorted.at(-1) as number;
}
