import { checkKeys, checkPattern, checkTags } from "../check-key.ts";
import { type Dependency, dependencyTag } from "../dependencies.ts";
import type { InvalidationEventPayload } from "../events.ts";
import { compileGlob } from "../glob.ts";
import { Coverage, type CoveredRange } from "./coverage.ts";

/** Several ways to name entries, in one invalidation: an entry that more than one of them covers counts once. */
export interface TogetherRequest {
  readonly keys?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly patterns?: readonly string[] | undefined;
  /** Entries that were made from these. */
  readonly dependencies?: readonly Dependency[] | undefined;
  /** Marks stale instead of removing; what was stale before does not count. @default false */
  readonly soft?: boolean | undefined;
  /** Goes onto the bus: with the removal where that is one step, else before it. Plain JSON. */
  readonly record?: object | undefined;
}

/** Checks a request and hands it on, names in full. */
export function invalidateTogether(
  prefix: string,
  request: TogetherRequest,
  invalidate: (coverage: Coverage, names: InvalidationEventPayload) => Promise<number>,
): Promise<number> {
  const { soft = false, record } = request;
  const keys = checkKeys(request.keys ?? []);
  const tags = (request.tags ?? []).length === 0 ? [] : checkTags(request.tags);
  const patterns = [...new Set(request.patterns ?? [])].map((pattern) => checkPattern(pattern));
  const dependencies = [...new Set((request.dependencies ?? []).map(dependencyTag))];
  const fulls = new Set(keys.map((key) => prefix + key));
  const ranges: CoveredRange[] = [];
  for (const pattern of patterns) {
    const { exact, prefixOnly, literalPrefix } = compileGlob(pattern);
    if (exact) fulls.add(prefix + literalPrefix);
    else {
      const glob = prefixOnly ? "" : pattern;
      ranges.push({ prefix: prefix + literalPrefix, skip: prefix, glob, scopes: prefix !== "" });
    }
  }
  const coverage = new Coverage({
    keys: [...fulls],
    tags: [...tags, ...dependencies].map((tag) => prefix + tag),
    ranges,
    soft,
    record,
  });
  return invalidate(coverage, { keys, tags, patterns, soft, ...(record === undefined ? {} : { record }) });
}
