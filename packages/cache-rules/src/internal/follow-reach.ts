import type { EntityRelation, EntityRule, EntityRules } from "@crm/cache-core";

/**
 * How a cascade comes to an entity: with the id that changed (`own`), with one that data or code named (`other`), without
 * any, or to its lists and aggregates alone.
 */
export type Place = "own" | "other" | "all" | "collections";

/**
 * What the cascade of the invalidator comes to, in its order, when the data of the change names the ids that relations look
 * for. Only the changed entity comes with data: from the second step on nothing is named.
 */
export function followReach(rules: EntityRules, entity: string, depth: number): Map<string, Set<Place>> {
  const reached = new Map<string, Set<Place>>();
  let edge: (readonly [name: string, place: Place])[] = [[entity, "own"]];
  for (let distance = 0; distance <= depth && edge.length > 0; distance++) {
    const next: (readonly [string, Place])[] = [];
    for (const [name, place] of edge) {
      const places = reached.get(name) ?? new Set<Place>();
      if (places.has("all") || places.has(place)) continue;
      reached.set(name, places.add(place));
      if (place === "collections") continue;
      const rule = ruleOf(rules, name);
      const narrow = distance === 0 && rule?.dependencies === "only";
      for (const relation of rule?.relatedEntities ?? []) {
        const related = typeof relation === "string" ? relation : relation.entity;
        const scoped = ruleOf(rules, related)?.scoped === true;
        if (narrow && !scoped) continue;
        for (const to of placesOf(relation, place, scoped, distance === 0)) next.push([related, to]);
      }
    }
    edge = next.sort(([, a], [, b]) => Number(a !== "all") - Number(b !== "all"));
  }
  return reached;
}

/** The rule of an entity; not what an object inherits. */
export function ruleOf(rules: EntityRules, entity: string): EntityRule | undefined {
  return Object.hasOwn(rules, entity) ? rules[entity] : undefined;
}

function placesOf(
  relation: string | EntityRelation,
  from: Place,
  scoped: boolean,
  hasData: boolean,
): readonly Place[] {
  const { idFrom, ids, whenUnknown = "all" } = typeof relation === "string" ? {} : relation;
  const unknown: readonly Place[] = whenUnknown === "nothing" ? [] : [whenUnknown];
  if (ids !== undefined) return ["other"];
  if (idFrom === undefined) return scoped && from !== "all" ? [from] : unknown;
  const fields = typeof idFrom === "string" ? [idFrom] : idFrom;
  const named: readonly Place[] = hasData && fields.some((field) => field !== "$id") ? ["other"] : [];
  if (!fields.includes("$id")) return hasData ? named : unknown;
  return from === "all" ? unknown : [from, ...named];
}
