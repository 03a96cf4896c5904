/** A source of random decisions that a seed repeats exactly. */
export interface SeededRandom {
  /** What it was made from; put it into the message of a failing test. */
  readonly seed: number | string;
  /** At least 0, below 1. */
  next(): number;
  /** A whole number between `min` and `max`, both included. */
  int(min: number, max: number): number;
  /** One of `items`. Throws if there is none. */
  pick<T>(items: readonly T[]): T;
  /** `true` with the given probability, between 0 and 1. */
  chance(probability: number): boolean;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * Makes a {@link SeededRandom}: mulberry32, 32 bits of state, good enough for tests and for nothing else.
 *
 * @example
 * ```ts
 * const random = seededRandom(42);
 * const key = random.pick(["a", "b", "c"]);
 * ```
 */
export function seededRandom(seed: number | string): SeededRandom {
  let state = Number.isInteger(seed) ? Number(seed) >>> 0 : hash(String(seed));

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  function int(min: number, max: number): number {
    return min + Math.floor(next() * (max - min + 1));
  }

  return {
    seed,
    next,
    int,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError("pick() from an empty list");
      return items[int(0, items.length - 1)] as T;
    },
    chance: (probability) => next() < probability,
    shuffle<T>(items: readonly T[]): T[] {
      const copy = [...items];
      for (let last = copy.length - 1; last > 0; last -= 1) {
        const other = int(0, last);
        [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
      }
      return copy;
    },
  };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0)!, 0x01000193);
  return value >>> 0;
}
