import {
  type EntityChange,
  type EntityRelation,
  type EntityRule,
  escapeGlob,
  type Logger,
} from "@crm/cache-core";
import type { RuleBook } from "./rule-book.ts";

/** One entity that the cascade comes to. */
export interface CascadeStep {
  readonly entity: string;
  /** `undefined`: all of the entity. */
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
}

/**
 * Follows the relations of a changed entity, breadth first. Each (entity, id) is visited once, so cycles end; where all
 * of an entity are visited, no instance of it is afterwards.
 */
export async function followCascade(
  book: RuleBook,
  change: EntityChange,
  { depth, dependencies, logger }: CascadeOptions,
): Promise<CascadeStep[]> {
  const steps: CascadeStep[] = [];
  const visited = new Set<string>();
  type Place = { readonly entity: string; readonly id: string | undefined; readonly path: string };
  let edge: Place[] = [
    { entity: change.entityType, id: change.entityId, path: label(change.entityType, change.entityId) },
  ];
  for (let distance = 0; distance <= depth && edge.length > 0; distance++) {
    const next: Place[] = [];
    for (const place of edge) {
      const { entity, id, path } = place;
      if (visited.has(entity) || (id !== undefined && visited.has(`${entity}\0${id}`))) continue;
      visited.add(id === undefined ? entity : `${entity}\0${id}`);
      const rule = book.get(entity);
      const narrow = distance === 0 && (rule?.dependencies ?? dependencies) === "only";
      steps.push({
        entity,
        id,
        path,
        patterns: narrow ? [] : patternsOf(rule, entity, id),
        soft: rule?.soft === true,
        endsSessionsOf: rule?.endsSessions?.includes(change.event) === true ? id : undefined,
      });
      if (distance === depth) continue;
      for (const relation of rule?.relatedEntities ?? []) {
        const related = typeof relation === "string" ? relation : relation.entity;
        if (narrow && book.get(related)?.scoped !== true) continue;
        const here: EntityChange = { ...change, entityType: entity, entityId: id ?? "" };
        const seen = distance === 0 ? here : { ...here, data: undefined };
        const ids = await relatedIds(book, relation, seen, id, logger);
        if (ids === undefined)
          next.push({ entity: related, id: undefined, path: `${path} > ${label(related)}` });
        else
          for (const one of ids)
            next.push({ entity: related, id: one, path: `${path} > ${label(related, one)}` });
      }
    }
    // All of an entity first: instances of it are then covered.
    edge = next.sort((a, b) => Number(a.id !== undefined) - Number(b.id !== undefined));
  }
  return steps;
}

/** `undefined`: all of them. */
async function relatedIds(
  book: RuleBook,
  relation: string | EntityRelation,
  change: EntityChange,
  id: string | undefined,
  logger: Logger,
): Promise<readonly string[] | undefined> {
  if (typeof relation === "string") {
    return book.get(relation)?.scoped === true && id !== undefined ? [id] : undefined;
  }
  if (relation.ids !== undefined) {
    try {
      return toIds(await relation.ids(change));
    } catch (error) {
      logger.warn(
        { err: error, entity: relation.entity },
        "Related ids could not be found; all of the entity are meant",
      );
      return undefined;
    }
  }
  if (relation.idFrom === undefined) {
    return book.get(relation.entity)?.scoped === true && id !== undefined ? [id] : undefined;
  }
  const fields = typeof relation.idFrom === "string" ? [relation.idFrom] : relation.idFrom;
  const data = change.data;
  let known = false;
  const found: string[] = [];
  for (const field of fields) {
    if (field === "$id") {
      if (id === undefined) return undefined;
      known = true;
      found.push(id);
      continue;
    }
    if (typeof data !== "object" || data === null || !Object.hasOwn(data, field)) continue;
    const value = (data as Record<string, unknown>)[field];
    if (value === undefined) continue;
    const ids = toIds(value);
    if (ids === undefined) return undefined;
    known = true;
    found.push(...ids);
  }
  return known ? [...new Set(found)] : undefined;
}

/** Ids of what a field or a function gave; `undefined` for what is none. `null` is nobody. */
function toIds(value: unknown): string[] | undefined {
  if (value === undefined) return undefined;
  const ids: string[] = [];
  for (const each of Array.isArray(value) ? value : [value]) {
    if (each === null) continue;
    if (
      typeof each !== "number" &&
      (typeof each !== "string" || each === "" || /\p{Cc}|\p{Cs}/u.test(each))
    ) {
      return undefined;
    }
    ids.push(String(each));
  }
  return ids;
}

function patternsOf(rule: EntityRule | undefined, entity: string, id: string | undefined): string[] {
  if (rule === undefined) return [`${escapeGlob(entity)}:*`];
  const text = id === undefined ? "*" : escapeGlob(id);
  return rule.patterns.map((pattern) => pattern.replaceAll("{id}", () => text));
}

function label(entity: string, id?: string): string {
  return id === undefined ? entity : `${entity}:${id}`;
}
