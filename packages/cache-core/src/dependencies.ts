import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { checkTag } from "./check-key.ts";
import { InvalidOptionError } from "./errors.ts";

/** An entity that a value was made from: one row, or (without an id) any row of it, as for lists and aggregates. */
export type Dependency =
  | string
  | readonly [entity: string, id: string | number]
  | { readonly entity: string; readonly id?: string | number | undefined };

/**
 * Begins the tag of a dependency and parts its fields. A control character, so that no tag of a caller can be one: a
 * caller's tags hold none.
 */
const MARK = "\u001d";
/** Longer ones become a digest, so that the tags of an entry fit its header. */
const MAX_BYTES = 200;
/** An entry that was made from more of them depends on whole entities instead: more is removed, never less. */
const MAX_DEPENDENCIES = 32;

/**
 * The tag that stands for a dependency.
 *
 * @throws InvalidTagError, InvalidOptionError
 */
export function dependencyTag(dependency: Dependency): string {
  const [entity, id] = partsOf(dependency);
  checkTag(entity, "dependsOn.entity");
  if (!(id === undefined || typeof id === "string" || Number.isFinite(id))) {
    throw new InvalidOptionError({
      option: "dependsOn.id",
      received: id,
      expected: "a string or a finite number; without an id every row of the entity is meant",
    });
  }
  if (id === undefined) return MARK + entity;
  const tag = MARK + entity + MARK + checkTag(String(id), "dependsOn.id");
  if (Buffer.byteLength(tag) <= MAX_BYTES) return tag;
  return `${MARK}${MARK}${createHash("sha256").update(tag).digest("base64url")}`;
}

/** The tags of dependencies, bounded: when there are too many, rows count as their whole entity. */
export function dependencyTags(dependencies: readonly Dependency[]): readonly string[] {
  if (!Array.isArray(dependencies)) {
    throw new InvalidOptionError({
      option: "dependsOn",
      received: dependencies,
      expected: 'an array such as ["companies", ["deals", id]]',
    });
  }
  return boundedTags(dependencies);
}

/** What a fetch has seen: what it tracked, and the tags of what it took from other entries, whose names may be too long to be known. */
export type Seen = Dependency | InheritedTag;

/** No shape that a caller may give. */
class InheritedTag {
  readonly tag: string;

  constructor(tag: string) {
    this.tag = tag;
  }
}

/** The tags of what a fetch has seen, bounded like those that a caller gives. */
export function boundedTags(seen: readonly Seen[]): readonly string[] {
  const tags = new Set(seen.map(tagOf));
  if (tags.size <= MAX_DEPENDENCIES) return [...tags];
  const whole = new Set(seen.map((each) => tagOf(each instanceof InheritedTag ? each : partsOf(each)[0])));
  if (whole.size > MAX_DEPENDENCIES) {
    throw new InvalidOptionError({
      option: "dependsOn",
      received: seen,
      expected: `at most ${MAX_DEPENDENCIES} different entities`,
    });
  }
  return [...whole];
}

function tagOf(seen: Seen): string {
  return seen instanceof InheritedTag ? seen.tag : dependencyTag(seen);
}

/** Whether a tag, without its scope, is one of a caller's and no dependency. */
export function isOwnTag(tag: string): boolean {
  return !tag.startsWith(MARK);
}

/** What a stored tag says that an entry was made from. */
export interface KnownDependency {
  /** `null`: the names were too long to be kept; the entry is found by them all the same. */
  readonly entity: string | null;
  /** `null`: any row of the entity. */
  readonly id: string | null;
}

/** Reads what `dependencyTag` wrote; `undefined` for a tag of a caller. */
export function readDependencyTag(tag: string): KnownDependency | undefined {
  if (isOwnTag(tag)) return undefined;
  const [, entity = "", id = null] = tag.split(MARK);
  return entity === "" ? { entity: null, id: null } : { entity, id };
}

function partsOf(dependency: Dependency): readonly [string, string | number | undefined] {
  if (typeof dependency === "string") return [dependency, undefined];
  if (Array.isArray(dependency)) return [dependency[0] as string, dependency[1] as string | number];
  const { entity, id } = (dependency ?? {}) as { entity: string; id?: string | number };
  return [entity, id];
}

/** A call of a fetcher that is under way. */
export interface RunningFetch {
  /** Whose keys these are. */
  readonly of: object;
  /** Full names of what is being fetched. */
  readonly keys: readonly string[];
  /** Timers and streams that a fetcher has started outlive it, in its context. */
  ended: boolean;
}

interface Recorder {
  readonly seen: Seen[];
  readonly fetch: RunningFetch;
  /** Of the fetcher that this one runs in: what the inner value is made from, the outer one is, too. */
  readonly outer: Recorder | undefined;
}

let recorders: AsyncLocalStorage<Recorder> | undefined;

/**
 * Notes that the value being fetched is made from an entity: a row, or without an id any of its rows. Called by the
 * query layer; outside a fetcher it does nothing. Follows the fetcher's asynchronous calls, and what the fetcher takes from
 * other entries: what they depend on, its value depends on.
 */
export function track(entity: string, id?: string | number): void {
  const dependency: Dependency = id === undefined ? entity : [entity, id];
  dependencyTag(dependency);
  for (let at = recorders?.getStore(); at !== undefined; at = at.outer) at.seen.push(dependency);
}

/**
 * Notes that the value being fetched, if one is, is made from an entry with these tags, which begin with `prefix`: what that was made from,
 * it is made from, too.
 */
export function inheritDependencies(tags: readonly string[], prefix: string): void {
  const inner = recorders?.getStore();
  if (inner === undefined) return;
  for (const tag of tags) {
    const own = tag.slice(prefix.length);
    const known = readDependencyTag(own);
    if (known === undefined) continue;
    const { entity, id } = known;
    const seen: Seen = entity === null ? new InheritedTag(own) : id === null ? entity : [entity, id];
    for (let at: Recorder | undefined = inner; at !== undefined; at = at.outer) at.seen.push(seen);
  }
}

/** Runs a fetcher and notes in `seen` what it tracks. */
export function recordDependencies<T>(seen: Seen[], fetch: RunningFetch, work: () => T): T {
  recorders ??= new AsyncLocalStorage();
  return recorders.run({ seen, fetch, outer: recorders.getStore() }, work);
}

/** Whether this is called by the fetcher of that very key: to wait for its fetch would be to wait for itself. */
export function isFetchedByCaller(of: object, full: string): boolean {
  const fetch = recorders?.getStore()?.fetch;
  return fetch !== undefined && fetch.of === of && !fetch.ended && fetch.keys.includes(full);
}
