import type { EntityRule } from "@crm/cache-core";

/** The names of the entities that a rule is related to, each once. */
export function relatedNames(rule: EntityRule): string[] {
  const names = (rule.relatedEntities ?? []).map((relation) =>
    typeof relation === "string" ? relation : relation.entity,
  );
  return [...new Set(names)];
}
