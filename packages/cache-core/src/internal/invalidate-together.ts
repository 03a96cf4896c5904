import { checkKeys, checkPattern, checkTags } from "../check-key.ts";
import { type Dependency, dependencyTag } from "../dependencies.ts";
import type { InvalidationEventPayload } from "../events.ts";
import { compileGlob } from "../glob.ts";
import { Coverage } from "./coverage.ts";
import { eachOf } from "./each-of.ts";
import { coverPatterns } from "./plan-invalidation.ts";
import type { StoreAccess } from "./store-access.ts";

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
  /**
   * Made when everything is removed, and sent with the message that says so; not called where that message is sent by the
   * script of the only step, nor when the invalidation could not be applied at once. Saves a message of its own.
   */
  readonly outcome?: ((removed: number) => object) | undefined;
}

/** An entry that a request covers. */
export interface CoveredEntry {
  readonly key: string;
  /** What it is covered by: a pattern as given, or the place of a dependency among those given. */
  readonly pattern: string | undefined;
  readonly dependency: number | undefined;
  /** Marked stale already, so that a soft invalidation does not count it. */
  readonly marked: boolean;
  /** Bytes that are no entry: a hard invalidation removes and counts them, a soft one does not. */
  readonly foreign: boolean;
}

/** What patterns and dependencies cover now, an entry once for each that covers it. Changes nothing. */
export async function listCovered(
  access: StoreAccess,
  prefix: string,
  request: Pick<TogetherRequest, "patterns" | "dependencies">,
): Promise<CoveredEntry[]> {
  const found: CoveredEntry[] = [];
  const add = (
    key: string,
    state: number,
    pattern: string | undefined,
    dependency: number | undefined,
  ): void => {
    found.push({ key, pattern, dependency, marked: state === 2, foreign: state === 3 });
  };
  const globs = [...new Set(request.patterns ?? [])].map((pattern) => ({
    pattern,
    glob: compileGlob(checkPattern(pattern)),
  }));
  const inRanges = await eachOf(globs, ({ glob }) =>
    access.listing.entries("range", prefix + glob.literalPrefix),
  );
  for (const [i, { pattern, glob }] of globs.entries()) {
    for (const { key, state } of inRanges[i] ?? []) {
      const own = key.slice(prefix.length);
      if ((prefix !== "" || key.charCodeAt(0) >= 32) && glob.matches(own))
        add(own, state, pattern, undefined);
    }
  }
  const dependents = await eachOf(request.dependencies ?? [], (dependency) =>
    access.listing.entries("tag", prefix + dependencyTag(dependency)),
  );
  for (const [i, entries] of dependents.entries()) {
    for (const { key, state } of entries) add(key.slice(prefix.length), state, undefined, i);
  }
  return found;
}

/** Checks a request and hands it on, names in full. */
export async function invalidateTogether(
  prefix: string,
  request: TogetherRequest,
  invalidate: (coverage: Coverage, names: InvalidationEventPayload) => Promise<number>,
): Promise<number> {
  const { soft = false, record } = request;
  const keys = checkKeys(request.keys ?? []);
  const tags = (request.tags ?? []).length === 0 ? [] : checkTags(request.tags);
  const patterns = [...new Set(request.patterns ?? [])].map((pattern) => checkPattern(pattern));
  const dependencies = [...new Set((request.dependencies ?? []).map(dependencyTag))];
  const covered = coverPatterns(prefix, patterns);
  const coverage = new Coverage({
    keys: [...new Set([...keys.map((key) => prefix + key), ...covered.keys])],
    tags: [...tags, ...dependencies].map((tag) => prefix + tag),
    ranges: covered.ranges,
    soft,
    record,
  });
  return invalidate(coverage, { keys, tags, patterns, soft, ...(record === undefined ? {} : { record }) });
}
