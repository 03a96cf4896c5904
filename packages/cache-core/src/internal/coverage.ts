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
  readonly #globs: readonly (Glob | null)[];

  constructor(parts: CoverageParts) {
    this.keys = parts.keys;
    this.tags = parts.tags;
    this.ranges = parts.ranges;
    this.soft = parts.soft;
    this.record = parts.record;
    this.#keySet = new Set(parts.keys);
    this.#tagSet = new Set(parts.tags);
    this.#globs = parts.ranges.map((range) => (range.glob === "" ? null : compileGlob(range.glob)));
  }

  coversKey(key: string): boolean {
    return this.#keySet.has(key) || this.ranges.some((range, i) => this.#inRange(key, range, i));
  }

  /** `tags` null: not known, so any tag may be among them. */
  covers(key: string, tags: readonly string[] | null): boolean {
    if (this.coversKey(key)) return true;
    if (this.#tagSet.size === 0) return false;
    return tags === null || tags.some((tag) => this.#tagSet.has(tag));
  }

  #inRange(key: string, range: CoveredRange, i: number): boolean {
    if (!key.startsWith(range.prefix)) return false;
    if (!range.scopes && key.charCodeAt(0) < 32 && range.skip === "") return false;
    const glob = this.#globs[i];
    return glob === null || glob === undefined || glob.matches(key.slice(range.skip.length));
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

/**
 * Whether a message holds a record and nothing that was invalidated: decided by what follows the origin, which holds no
 * quote. Two of three messages of a history are such, and the longest.
 */
export function isRecordOnly(bytes: Buffer): boolean {
  const at = bytes.indexOf('",');
  return at !== -1 && bytes.toString("latin1", at, at + 6) === '","a":';
}

/** `null` for bytes that are no message of this version: then nothing is known of what was invalidated. */
export function decodeMessage(bytes: Buffer): { origin: string; coverage: Coverage } | null {
  try {
    const message = JSON.parse(bytes.toString("utf8")) as {
      o: string;
      k?: string[];
      t?: string[];
      r?: [string, string, string, number][];
      s?: number;
    };
    if (typeof message.o !== "string") return null;
    return {
      origin: message.o,
      coverage: new Coverage({
        keys: message.k ?? [],
        tags: message.t ?? [],
        ranges: (message.r ?? []).map(([prefix, skip, glob, scopes]) => ({
          prefix,
          skip,
          glob,
          scopes: scopes === 1,
        })),
        soft: message.s === 1,
      }),
    };
  } catch {
    return null;
  }
}
