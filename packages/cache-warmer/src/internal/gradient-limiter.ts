import { BestTimes, medianOf, slownessOf } from "./best-times.ts";

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
  /** What such a load takes while the origin is fast; infinite where nothing is known of its kind. */
  readonly usualMs: number;
  /** From then on it is overdue; infinite where nothing is known of its kind. */
  readonly overdueAt: number;
}

/** How a load ended. What failed may have failed at once, and what was found was not loaded: neither says how fast the origin can be. */
export type LoadEnd = "loaded" | "failed" | "found";

/** Fewer samples, or fewer than may be in flight, say nothing, unless the window has lasted four times as long. */
const MIN_SAMPLES = 4;
/** No window takes away more than half. */
const LOWEST_GRADIENT = 0.5;
/** A load is overdue when it has taken so many times what is usual, and so much longer at least, and has not ended. */
const OVERDUE = 2;
const OVERDUE_MS = 10;
/** The origin is as fast as ever while it is slower by no more than such a part of what is tolerated, and by so much more the fewer loads say so. */
const FAST = 1 / 8;
const FAST_OF_ONE = 1 / 2;
/** What the limit grows to without a trial, as a part of the ceiling. Reads that come at random need the rest now and then. */
const HEADROOM = 4 / 5;
/** Windows that the limit rests, at most, before it tries again what did not go well. */
const MAX_REST = 16;
/** And at least, after most loads were overdue. */
const REST_AFTER_FALL = 8;

/**
 * How many loads may be in flight: the gradient limiter of Netflix' concurrency-limits (`GradientLimit`: the ratio of the
 * best time to the present one, never below a half, scales the limit), with these differences.
 *
 * - Times are compared with the best of the same task, since tasks differ by orders of magnitude. Where a task is new, the
 *   median of its category in this window is compared with the category's best median.
 * - A window is judged by the median of loads that began after the limit last changed. There are as many as may be in flight, at least, unless
 *   it has lasted four times as long: of five loads the median is often 20% off.
 * - There is no allowance for a queue, as whoever warms should cause none. A limit after which the origin is too slow falls to what had room,
 *   by Little's law: the limit divided by the slowdown. It grows only when it was reached and the origin is as fast as ever, by 1, 2, 4, …
 *   from window to window. A step after which the origin is not that fast is taken back.
 * - The lowest limit that is known to be too high is the ceiling. The limit grows to four fifths of it, and from there by one after a rest that is
 *   longer each time: up to 16 windows, halved by each step that goes well. Such a step is a trial, judged as soon as one round of loads has ended, and once more
 *   by a whole window before there is no ceiling any more. TCP's `ssthresh` (RFC 5681, section 3.1) remembers such a limit, too. So looking for more
 *   costs others little.
 * - Loads that do not end say something, too. When more than half of those under way are overdue the limit falls to its minimum, as
 *   TCP's window does after a timeout, and grows from there. When they end at last they tell where the ceiling is: what was under way, divided by
 *   how many times longer than usual they took.
 *
 * Reads no clock: whoever reports says when.
 */
export class GradientLimiter {
  readonly #settings: LimiterSettings;
  readonly #times = new BestTimes();
  readonly #underWay = new Set<TimedLoad>();
  /** When the limit fell on account of overdue loads, and how many were under way. */
  #fellAt = Number.NEGATIVE_INFINITY;
  #underWayAtFall = 0;
  /** When the limit changed: what began before tells of the former one. */
  #changedAt = Number.NEGATIVE_INFINITY;
  /** By how much the limit grows next, and by how much it has grown in the last window. */
  #step = 1;
  #grown = 0;
  /** The lowest limit that is known to be too high. */
  #ceiling = Number.POSITIVE_INFINITY;
  /** The limit is at the ceiling for as long as a round of loads takes. */
  #trial = false;
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
    const usualMs = this.#times.usualMs(task, category);
    const overdueAt = nowMs + Math.max(OVERDUE * usualMs, usualMs + OVERDUE_MS);
    const load = { task, category, began: nowMs, usualMs, overdueAt };
    this.#underWay.add(load);
    return load;
  }

  /** A load has ended; `inFlight` counts it. Returns whether a window was judged. */
  end(load: TimedLoad, inFlight: number, nowMs: number, how: LoadEnd = "loaded"): boolean {
    this.#underWay.delete(load);
    const { task, category, began } = load;
    const durationMs = nowMs - began;
    if (began < this.#fellAt) {
      if (how === "loaded") this.#lowerCeiling(this.#underWayAtFall / slownessOf(durationMs, load.usualMs));
      return false;
    }
    if (how === "found" || began < this.#changedAt) return false;
    const best = this.#times.ofTask(task);
    if (how === "failed" && !(best !== undefined && durationMs > best)) return false;
    if (Number.isNaN(this.#windowBegan)) this.#windowBegan = began;
    if (best === undefined) {
      const values = this.#unknown.get(category);
      if (values === undefined) this.#unknown.set(category, [durationMs]);
      else values.push(durationMs);
    } else {
      this.#ratios.push(slownessOf(durationMs, best));
    }
    this.#times.learnTask(task, durationMs);
    this.#samples++;
    if (inFlight >= this.limit) this.#reached = true;
    if (!this.#isOver(nowMs)) return false;
    this.#judge(nowMs);
    return true;
  }

  #isOver(nowMs: number): boolean {
    if (this.#trial) return this.#samples >= this.limit;
    const lasted = nowMs - this.#windowBegan;
    const { windowMs } = this.#settings;
    const enough = Math.max(MIN_SAMPLES, this.limit);
    return lasted >= windowMs && (this.#samples >= enough || lasted >= 4 * windowMs);
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
    this.#underWayAtFall = this.#underWay.size;
    this.#slowdown = Math.max(this.#slowdown, OVERDUE);
    this.#ceiling = this.limit;
    this.#backoffs++;
    this.#rest = Math.max(this.#rest, REST_AFTER_FALL);
    this.#moveTo(this.#least, nowMs);
    this.#pause();
    this.#begin(nowMs);
  }

  #judge(nowMs: number): void {
    const { tolerance } = this.#settings;
    for (const [category, values] of this.#unknown) {
      const ratio = this.#times.learnCategory(category, values, tolerance);
      for (let n = 0; n < values.length; n++) this.#ratios.push(ratio);
    }
    this.#slowdown = medianOf(this.#ratios);
    if (this.#resting > 0) this.#resting--;
    const trial = this.#trial;
    this.#trial = false;
    if (this.#slowdown > tolerance) this.#fall(nowMs);
    else if (this.#slowdown > 1 + (FAST + FAST_OF_ONE / this.#samples) * (tolerance - 1))
      this.#takeBack(nowMs);
    else if (this.#reached && !trial) this.#grow(nowMs);
    this.#begin(nowMs);
  }

  #grow(nowMs: number): void {
    if (this.#grown > 0) this.#rest = Math.max(1, Math.floor(this.#rest / 2));
    this.#grown = 0;
    const before = this.limit;
    if (before >= this.#max) return;
    if (before >= this.#ceiling) this.#ceiling = Number.POSITIVE_INFINITY;
    const usual = Math.min(this.#ceiling - 1, Math.max(1, Math.floor(HEADROOM * this.#ceiling)));
    if (before < usual) {
      this.#moveTo(Math.min(before + this.#step, usual), nowMs);
    } else {
      if (this.#resting > 0) return;
      this.#step = 1;
      this.#moveTo(before + 1, nowMs);
      this.#trial = true;
    }
    this.#grown = this.limit - before;
    this.#step *= 2;
  }

  /** The last step made the origin slower. */
  #takeBack(nowMs: number): void {
    if (this.#grown === 0) return;
    this.#ceiling = this.limit;
    this.#moveTo(this.limit - this.#grown, nowMs);
    this.#pause();
  }

  #fall(nowMs: number): void {
    const least = this.#least;
    // Whatever makes the origin slow then, it is not we.
    if (this.limit <= least) return;
    this.#ceiling = this.limit;
    const gradient = Math.max(LOWEST_GRADIENT, 1 / this.#slowdown);
    this.#moveTo(Math.max(least, Math.floor(this.limit * gradient)), nowMs);
    this.#backoffs++;
    this.#pause();
  }

  get #least(): number {
    return Math.min(this.#settings.min, this.#max);
  }

  #moveTo(limit: number, nowMs: number): void {
    this.#limit = Math.min(this.#max, limit);
    // What began before tells of the former one.
    this.#changedAt = nowMs;
  }

  /** So many had room, or fewer. */
  #lowerCeiling(room: number): void {
    this.#ceiling = Math.max(this.#least + 1, Math.min(this.#ceiling, Math.ceil(room)));
  }

  #pause(): void {
    this.#resting = this.#rest;
    this.#rest = Math.min(MAX_REST, 2 * this.#rest);
    this.#step = 1;
    this.#grown = 0;
    this.#trial = false;
  }

  /** A new window. */
  #begin(nowMs: number): void {
    this.#windows++;
    this.#ratios = [];
    this.#unknown = new Map();
    this.#samples = 0;
    this.#reached = false;
    this.#windowBegan = nowMs;
    this.#times.age();
  }
}
