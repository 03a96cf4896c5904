/** How fast a best time is forgotten, each window: an origin that became slower for good is believed after some minutes. */
const DRIFT = 1.005;
/** The best time of a category is the mean of so many first samples, and moved by one sample of so many later ones. */
const FIRST_SAMPLES = 32;
const LATER_SAMPLES = 64;
/** By how much of the difference a load that was faster moves the best time of its task. */
const TASK_WEIGHT = 1 / 8;
const MAX_TASKS = 20_000;
const MAX_CATEGORIES = 1_000;
/** Timers and event loops disturb every duration by about so much. */
const NOISE_MS = 0.5;

interface CategoryTimes {
  /** Best median of the tasks that were new, as if noted in the first window. */
  best: number;
  samples: number;
  /** Half of the time spent on new tasks went to loads as long as that, in the last window that was not slow. */
  usualMs: number;
}

/**
 * What loads take while the origin is fast: by task, since tasks differ by orders of magnitude, and by category for tasks that are new.
 *
 * Neither is a minimum. In an origin with jitter that is luck, and the rarer the more often one has looked: a window of five loads is easily 30%
 * slower than the best such window ever was. So what was faster moves a best time by a part, and all of them drift upwards.
 */
export class BestTimes {
  readonly #tasks = new Map<string, number>();
  readonly #categories = new Map<string, CategoryTimes>();
  #drift = 1;

  /** A window has passed. */
  age(): void {
    this.#drift *= DRIFT;
  }

  ofTask(task: string): number | undefined {
    const best = this.#tasks.get(task);
    return best === undefined ? undefined : best * this.#drift;
  }

  /** What a load takes; infinite where nothing is known of its kind. */
  usualMs(task: string, category: string): number {
    return this.ofTask(task) ?? this.#categories.get(category)?.usualMs ?? Number.POSITIVE_INFINITY;
  }

  learnTask(task: string, durationMs: number): void {
    const best = this.ofTask(task);
    if (best !== undefined && durationMs >= best) return;
    const next = best === undefined ? durationMs : best + TASK_WEIGHT * (durationMs - best);
    put(this.#tasks, task, next / this.#drift, MAX_TASKS);
  }

  /** Of the loads of new tasks in one window. Returns how many times longer than the category's best the median is. */
  learnCategory(category: string, values: readonly number[], tolerance: number): number {
    const median = medianOf(values);
    const known = this.#categories.get(category);
    const times = known ?? { best: median / this.#drift, samples: 0, usualMs: Number.POSITIVE_INFINITY };
    const seen = times.samples + values.length;
    const best = times.best * this.#drift;
    // The first ones make a mean, which goes up and down.
    const share = values.length / (seen <= FIRST_SAMPLES ? seen : values.length + LATER_SAMPLES);
    if (seen <= FIRST_SAMPLES || median < best) times.best += share * (median / this.#drift - times.best);
    times.samples = seen;
    const slowness = slownessOf(median, times.best * this.#drift);
    if (slowness <= tolerance) times.usualMs = usualOf(values);
    if (known === undefined) put(this.#categories, category, times, MAX_CATEGORIES);
    return slowness;
  }
}

export function slownessOf(durationMs: number, usualMs: number): number {
  return (durationMs + NOISE_MS) / (usualMs + NOISE_MS);
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** When there are too many, the one that was noted first goes; which it is matters little. */
function put<T>(map: Map<string, T>, name: string, value: T, most: number): void {
  if (map.size >= most && !map.has(name)) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
  map.set(name, value);
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
