import { type SeededRandom, seededRandom } from "@crm/testkit";

export const FILLS = ["getOrSet", "stale", "early", "force", "lease", "many"] as const;
export const INVALIDATIONS = ["del", "tag", "pattern", "clear", "set"] as const;

/** What four processes do at the same time to one key: one writes and invalidates, all read through. */
export interface Interleaving {
  readonly number: number;
  readonly fill: (typeof FILLS)[number];
  readonly invalidation: (typeof INVALIDATIONS)[number];
  /** Tags given with the call, or added by the fetcher after it has read the source. */
  readonly tagged: "upfront" | "in the fetcher";
  readonly pattern: string;
  readonly writer: number;
  readonly writes: number;
  /** The version of the row before anybody writes. */
  readonly first: number;
  /** A `null` is cached, too. */
  readonly nullTtl: boolean;
  /** `clear` of a scope, not of a namespace. */
  readonly scoped: boolean;
}

export const KEY = (number: number): string => `rows:${number}:row`;
export const TAG = (number: number): string => `tag:${number}`;

/** The same in every process. */
export function plan(seed: number, number: number): Interleaving {
  const random = seededRandom(`${seed}:${number}`);
  return {
    number,
    fill: random.pick(FILLS),
    invalidation: random.pick(INVALIDATIONS),
    tagged: random.pick(["upfront", "in the fetcher"]),
    pattern: random.pick([`rows:${number}:*`, `rows:${number}:r?w`, `*:${number}:row`, `rows:${number}:row`]),
    writer: random.int(0, 3),
    writes: random.int(1, 2),
    first: random.int(1, 9),
    nullTtl: random.chance(0.5),
    scoped: random.chance(0.7),
  };
}

/** What one process of it decides by itself. */
export function chance(seed: number, number: number, process: number): SeededRandom {
  return seededRandom(`${seed}:${number}:${process}`);
}

/** A row at this version is deleted: its value is `null`. */
export function isDeleted(version: number): boolean {
  return version % 5 === 0;
}

/** Whether a value could have been read from the source at a moment when its version lay between the two. */
export function isCurrent(value: number | null, floor: number, ceiling: number): boolean {
  if (value !== null) return value >= floor && value <= ceiling;
  for (let version = floor; version <= ceiling; version++) if (isDeleted(version)) return true;
  return false;
}

export interface StaleRead {
  readonly number: number;
  readonly process: number;
  readonly how: string;
  readonly got: number | null;
  readonly floor: number;
  readonly plan: Interleaving;
}

export interface BatchResult {
  readonly stale: readonly StaleRead[];
  readonly reads: number;
  readonly fetches: number;
  /** Invalidations that were not acknowledged; nothing is demanded after them. */
  readonly unacknowledged: number;
}
