import {
  type Clock,
  type EntityChange,
  type EntityRelation,
  type EntityRule,
  escapeGlob,
  holdProcess,
  type Logger,
} from "@crm/cache-core";
import { isExact, isPlain, MAX_BYTES } from "./event-text.ts";
import { fillPattern } from "./fill-pattern.ts";
import { inTime } from "./in-time.ts";
import type { RuleBook } from "./rule-book.ts";

/** Places that are no single id: all of an entity; or its lists and aggregates, but no instance. */
const ALL: unique symbol = Symbol("all");
const COLLECTIONS: unique symbol = Symbol("collections");
type Where = string | typeof ALL | typeof COLLECTIONS;

/** One entity that the cascade comes to. */
export interface CascadeStep {
  readonly entity: string;
  /** `undefined`: all of the entity, or its collections. */
  readonly id: string | undefined;
  /** How it was come to: `companies:42 > deals`. */
  readonly path: string;
  /** Globs, ids filled in as data. */
  readonly patterns: readonly string[];
  readonly soft: boolean;
  /** The user whose sessions end. */
  readonly endsSessionsOf: string | undefined;
}

export interface CascadeOptions {
  readonly depth: number;
  readonly dependencies: "together" | "only" | "off";
  readonly logger: Logger;
  readonly clock: Clock;
  /** Time for the code that finds ids; then they are unknown. */
  readonly idsTimeoutMs: number;
}

/**
 * Follows the relations of a changed entity, breadth first. Each (entity, id) is visited once, so cycles end; where all
 * of an entity are visited, no instance of it is afterwards.
 */
export async function followCascade(
  book: RuleBook,
  change: EntityChange,
  options: CascadeOptions,
): Promise<CascadeStep[]> {
  const { depth, dependencies } = options;
  const steps: CascadeStep[] = [];
  const visited = new Set<string>();
  type Place = { readonly entity: string; readonly where: Where; readonly path: string };
  let edge: Place[] = [
    { entity: change.entityType, where: change.entityId, path: label(change.entityType, change.entityId) },
  ];
  for (let distance = 0; distance <= depth && edge.length > 0; distance++) {
    const next: Place[] = [];
    for (const place of edge) {
      const { entity, where, path } = place;
      const name = visitName(entity, where);
      if (visited.has(visitName(entity, ALL)) || visited.has(name)) continue;
      visited.add(name);
      const id = typeof where === "string" ? where : undefined;
      const rule = book.get(entity);
      const narrow = distance === 0 && (rule?.dependencies ?? dependencies) === "only";
      steps.push({
        entity,
        id,
        path,
        patterns: narrow ? [] : patternsOf(rule, entity, where),
        soft: rule?.soft === true,
        endsSessionsOf: rule?.endsSessions?.includes(change.event) === true ? id : undefined,
      });
      // Of collections no instance has changed: there is nothing to follow.
      if (distance === depth || where === COLLECTIONS) continue;
      for (const relation of rule?.relatedEntities ?? []) {
        const related = typeof relation === "string" ? relation : relation.entity;
        if (narrow && book.get(related)?.scoped !== true) continue;
        const here: EntityChange = { ...change, entityType: entity, entityId: id ?? "" };
        const seen = distance === 0 ? here : { ...here, data: undefined };
        for (const one of await relatedPlaces(book, relation, seen, id, options)) {
          next.push({ entity: related, where: one, path: `${path} > ${label(related, one)}` });
        }
      }
    }
    // All of an entity first: instances of it are then covered.
    edge = next.sort((a, b) => Number(a.where !== ALL) - Number(b.where !== ALL));
  }
  return steps;
}

function visitName(entity: string, where: Where): string {
  if (where === ALL) return entity;
  return where === COLLECTIONS ? `${entity}\0` : `${entity}\0${where}`;
}

async function relatedPlaces(
  book: RuleBook,
  relation: string | EntityRelation,
  change: EntityChange,
  id: string | undefined,
  options: CascadeOptions,
): Promise<readonly Where[]> {
  let ids: readonly Where[] | "unknown";
  try {
    ids = await relatedIds(book, relation, change, id, options);
  } catch (error) {
    const entity = typeof relation === "string" ? relation : relation.entity;
    options.logger.warn(
      { err: error, entity },
      "Related ids could not be found; all of the entity are meant",
    );
    return [ALL];
  }
  if (ids !== "unknown") return ids;
  const { whenUnknown = "all" } = typeof relation === "string" ? {} : relation;
  if (whenUnknown === "nothing") return [];
  return [whenUnknown === "all" ? ALL : COLLECTIONS];
}

async function relatedIds(
  book: RuleBook,
  relation: string | EntityRelation,
  change: EntityChange,
  id: string | undefined,
  { clock, idsTimeoutMs }: CascadeOptions,
): Promise<readonly Where[] | "unknown"> {
  if (typeof relation === "string") {
    return book.get(relation)?.scoped === true && id !== undefined ? [id] : "unknown";
  }
  if (relation.ids !== undefined) {
    const release = holdProcess();
    const finding = (async () => relation.ids?.(change))();
    const given = await inTime(finding, { clock, ms: idsTimeoutMs }).finally(release);
    return given === undefined ? "unknown" : (toIds(given) ?? [ALL]);
  }
  if (relation.idFrom === undefined) {
    return book.get(relation.entity)?.scoped === true && id !== undefined ? [id] : "unknown";
  }
  const fields = typeof relation.idFrom === "string" ? [relation.idFrom] : relation.idFrom;
  const data = change.data;
  let known = false;
  const found: string[] = [];
  for (const field of fields) {
    if (field === "$id") {
      if (id === undefined) return "unknown";
      known = true;
      found.push(id);
      continue;
    }
    if (typeof data !== "object" || data === null || !Object.hasOwn(data, field)) continue;
    const value = (data as Record<string, unknown>)[field];
    if (value === undefined) continue;
    const ids = toIds(value);
    // What is no id was meant to name something.
    if (ids === undefined) return [ALL];
    known = true;
    found.push(...ids);
  }
  return known ? [...new Set(found)] : "unknown";
}

/** Ids of what a field or a function gave; `undefined` for what is none. `null` is nobody. */
function toIds(value: unknown): string[] | undefined {
  const ids: string[] = [];
  for (const each of Array.isArray(value) ? value : [value]) {
    if (each === null) continue;
    const id = isExact(each) ? String(each) : each;
    if (!isPlain(id, MAX_BYTES.entityId)) return undefined;
    ids.push(id);
  }
  return ids;
}

function patternsOf(rule: EntityRule | undefined, entity: string, where: Where): string[] {
  if (rule === undefined) return [`${escapeGlob(entity)}:*`];
  if (where === COLLECTIONS) return rule.patterns.filter((pattern) => !pattern.includes("{id}"));
  return rule.patterns.map((pattern) =>
    where === ALL ? pattern.replaceAll("{id}", "*") : fillPattern(pattern, where),
  );
}

function label(entity: string, where: Where): string {
  if (where === ALL) return entity;
  return where === COLLECTIONS ? `${entity} (collections)` : `${entity}:${where}`;
}
