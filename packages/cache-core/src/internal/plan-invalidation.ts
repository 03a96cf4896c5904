import { checkKey, checkKeys, checkPattern, checkTag, checkTags } from "../check-key.ts";
import { checkOptionNames, isOptions, type OptionNames } from "../check-options.ts";
import { InvalidOptionError } from "../errors.ts";
import { compileGlob } from "../glob.ts";
import type { InvalidateOptions } from "../options.ts";
import type { InvalidationNames } from "./apply-invalidation.ts";
import { Coverage, type CoveredRange } from "./coverage.ts";

/** An invalidation that was asked for, checked. */
export interface PlannedInvalidation {
  readonly coverage: Coverage;
  readonly names: InvalidationNames;
}

type Options = InvalidateOptions | undefined;

/** `null`: of nothing. @throws InvalidKeyError, InvalidOptionError */
export function planKeys(
  prefix: string,
  given: string | readonly string[],
  options: Options,
): PlannedInvalidation | null {
  const keys = typeof given === "string" ? [checkKey(given)] : checkKeys(given);
  const fulls = [...new Set(keys)].map((key) => prefix + key);
  return plan({ keys: fulls }, { keys }, options);
}

/** `null`: of nothing. @throws InvalidTagError, InvalidOptionError */
export function planTags(
  prefix: string,
  given: string | readonly string[],
  options: Options,
): PlannedInvalidation | null {
  const tags = Array.isArray(given) ? checkTags(given) : [checkTag(given)];
  return plan({ tags: tags.map((tag) => prefix + tag) }, { tags }, options);
}

/** `null`: of nothing. @throws InvalidPatternError, InvalidOptionError */
export function planPatterns(
  prefix: string,
  given: string | readonly string[],
  options: Options,
): PlannedInvalidation | null {
  const list = Array.isArray(given) ? [...new Set(given as string[])] : [given as string];
  const patterns = list.map((pattern) => checkPattern(pattern));
  return plan(coverPatterns(prefix, patterns), { patterns }, options);
}

/** Everything in a scope, and in the scopes inside it. */
export function planAll(prefix: string): PlannedInvalidation {
  // A scope's own keys lie behind U+001F, those of scopes inside it behind U+001E.
  const prefixes = prefix === "" ? [""] : [prefix, `${prefix.slice(0, -1)}\u001e`];
  const ranges = prefixes.map((each) => ({ prefix: each, skip: "", glob: "", scopes: true }));
  return {
    coverage: new Coverage({ keys: [], tags: [], ranges, soft: false }),
    names: { keys: [], tags: [], patterns: ["*"], soft: false },
  };
}

/** Patterns as what they cover: one without a wildcard is a key. */
export function coverPatterns(
  prefix: string,
  patterns: readonly string[],
): { readonly keys: string[]; readonly ranges: CoveredRange[] } {
  const keys: string[] = [];
  const ranges: CoveredRange[] = [];
  for (const pattern of patterns) {
    const { exact, prefixOnly, literalPrefix } = compileGlob(pattern);
    const full = prefix + literalPrefix;
    const glob = prefixOnly ? "" : pattern;
    if (exact) keys.push(full);
    else ranges.push({ prefix: full, skip: prefix, glob, scopes: prefix !== "" });
  }
  return { keys, ranges };
}

interface Covered {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  readonly ranges?: readonly CoveredRange[];
}

function plan(
  { keys = [], tags = [], ranges = [] }: Covered,
  names: Partial<InvalidationNames>,
  options: Options,
): PlannedInvalidation | null {
  if (keys.length + tags.length + ranges.length === 0) return null;
  const soft = softOf(options);
  return {
    coverage: new Coverage({ keys, tags, ranges, soft }),
    names: { ...{ keys: [], tags: [], patterns: [] }, ...names, soft },
  };
}

const NAMES: OptionNames<InvalidateOptions> = { soft: true };

function softOf(options: Options): boolean {
  if (options === undefined) return false;
  if (!isOptions(options)) {
    throw new InvalidOptionError({ option: "options", received: options, expected: "an object" });
  }
  checkOptionNames(options, NAMES, "options.");
  const { soft = false } = options;
  if (typeof soft !== "boolean") {
    throw new InvalidOptionError({ option: "options.soft", received: soft, expected: "true or false" });
  }
  return soft;
}
