import { compileGlob, type Glob } from "../glob.ts";

/** Keys of a lexicographic range whose rest, after `skip`, matches a glob. Names are full: with the scope before them. */
export interface CoveredRange {
  readonly prefix: string;
  /** The scope's part of the key, which the glob does not see. */
  readonly skip: string;
  /** `""` covers the whole range. */
  readonly glob: string;
  /** Whether keys of scopes (they start with U+001F) belong to the range. */
  readonly scopes: boolean;
}

/** What one invalidation covers, in full names. */
export interface CoverageParts {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly ranges: readonly CoveredRange[];
  readonly soft: boolean;
  /** Goes onto the bus with the message, for whoever keeps a history. Plain JSON. */
  readonly record?: object | undefined;
}

/** Decides whether an entry falls under an invalidation, the same way in every process. */
export class Coverage implements CoverageParts {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly ranges: readonly CoveredRange[];
  readonly soft: boolean;
  readonly record: object | undefined;
  readonly #keySet: ReadonlySet<string>;
  readonly #tagSet: ReadonlySet<string>;
  /** Made when a key is in the range of one: most ranges of the bus meet nothing of this process. */
  readonly #globs: (Glob | undefined)[] = [];

  constructor(parts: CoverageParts) {
    this.keys = parts.keys;
    this.tags = parts.tags;
    this.ranges = parts.ranges;
    this.soft = parts.soft;
    this.record = parts.record;
    this.#keySet = new Set(parts.keys);
    this.#tagSet = new Set(parts.tags);
  }

  coversKey(key: string): boolean {
    return this.#keySet.has(key) || this.ranges.some((_, i) => this.rangeCovers(i, key));
  }

  /** `tags` null: not known, so any tag may be among them. */
  covers(key: string, tags: readonly string[] | null): boolean {
    if (this.coversKey(key)) return true;
    if (this.#tagSet.size === 0) return false;
    return tags === null || tags.some((tag) => this.#tagSet.has(tag));
  }

  /** Whether the range at place `i` covers a key. */
  rangeCovers(i: number, key: string): boolean {
    const range = this.ranges[i] as CoveredRange;
    if (!key.startsWith(range.prefix)) return false;
    if (!range.scopes && key.charCodeAt(0) < 32 && range.skip === "") return false;
    if (range.glob === "") return true;
    const glob = this.#globs[i] ?? compileGlob(range.glob);
    this.#globs[i] = glob;
    return glob.matches(key.slice(range.skip.length));
  }
}

/** One line of the bus: who invalidated what. */
export function encodeMessage(origin: string, coverage: CoverageParts): string {
  return JSON.stringify({
    o: origin,
    ...(coverage.keys.length > 0 ? { k: coverage.keys } : {}),
    ...(coverage.tags.length > 0 ? { t: coverage.tags } : {}),
    ...(coverage.ranges.length > 0
      ? { r: coverage.ranges.map((range) => [range.prefix, range.skip, range.glob, range.scopes ? 1 : 0]) }
      : {}),
    ...(coverage.soft ? { s: 1 } : {}),
    ...(coverage.record === undefined ? {} : { a: coverage.record }),
  });
}

const HEAD = '{"o":"';
const RECORD = ',"a":';

/** A message of the bus, taken apart without parsing it. */
export interface BusMessage {
  /** The process that it comes from. */
  readonly origin: string;
  /**
   * What was invalidated, for `decodeCoverage`; `""` in a message that holds a record and nothing else. Two of three
   * messages of a history are such, and the longest. The same was invalidated where the text is the same.
   */
  readonly covered: string;
}

/**
 * `null` for text that is no message of this version: then nothing is known of what was invalidated. An origin holds no
 * quote, and `,"a":` cannot be part of a string, in which a quote stands behind a backslash.
 */
export function splitMessage(text: string): BusMessage | null {
  const end = text.startsWith(HEAD) && text.endsWith("}") ? text.indexOf('"', HEAD.length) : -1;
  if (end === -1) return null;
  const record = text.indexOf(RECORD, end);
  return {
    origin: text.slice(HEAD.length, end),
    covered: text.slice(end + 1, record === -1 ? -1 : record),
  };
}

/** `null` for text that is not what `splitMessage` finds in a message of this version. */
export function decodeCoverage(covered: string): Coverage | null {
  try {
    const message = JSON.parse(`{"o":""${covered}}`) as {
      k?: string[];
      t?: string[];
      r?: [string, string, string, number][];
      s?: number;
    };
    return new Coverage({
      keys: message.k ?? [],
      tags: message.t ?? [],
      ranges: (message.r ?? []).map(([prefix, skip, glob, scopes]) => ({
        prefix,
        skip,
        glob,
        scopes: scopes === 1,
      })),
      soft: message.s === 1,
    });
  } catch {
    return null;
  }
}
