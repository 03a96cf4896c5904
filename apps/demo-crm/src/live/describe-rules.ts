import type { EntityRules } from "@crm/cache-core";

export interface RuleGraph {
  readonly entities: readonly {
    readonly entity: string;
    readonly patterns: readonly string[];
    /** Concerns the one instance that has changed. */
    readonly scoped: boolean;
    readonly endsSessions: boolean;
    readonly hasHandler: boolean;
  }[];
  readonly relations: readonly {
    readonly from: string;
    readonly to: string;
    /** Fields that say which of the related entity go; empty: all of them. */
    readonly idFrom: readonly string[];
  }[];
}

/** Rules as data for people: what each entity removes, and where the cascade goes. */
export function describeRules(rules: EntityRules): RuleGraph {
  const entries = Object.entries(rules);
  return {
    entities: entries.map(([entity, rule]) => ({
      ...{ entity, patterns: rule.patterns, scoped: rule.scoped ?? false },
      endsSessions: (rule.endsSessions ?? []).length > 0,
      hasHandler: rule.customHandler !== undefined,
    })),
    relations: entries.flatMap(([from, rule]) =>
      (rule.relatedEntities ?? []).map((relation) => {
        if (typeof relation === "string") return { from, to: relation, idFrom: [] };
        const { entity: to, idFrom } = relation;
        return { from, to, idFrom: idFrom === undefined ? [] : [idFrom].flat() };
      }),
    ),
  };
}
