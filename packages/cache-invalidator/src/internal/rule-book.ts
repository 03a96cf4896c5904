import type { EntityRule, EntityRules, Logger } from "@crm/cache-core";
import { checkRule } from "./check-rule.ts";

/** The rules that apply now. A related entity without a rule is named once, when the rule that names it comes. */
export class RuleBook {
  readonly #rules = new Map<string, EntityRule>();
  readonly #warned = new Set<string>();
  readonly #logger: Logger;

  constructor(rules: EntityRules, logger: Logger) {
    this.#logger = logger;
    for (const [entity, rule] of Object.entries(rules)) this.#rules.set(entity, checkRule(entity, rule));
    for (const entity of this.#rules.keys()) this.#warn(entity);
  }

  get(entity: string): EntityRule | undefined {
    return this.#rules.get(entity);
  }

  some(test: (rule: EntityRule) => boolean): boolean {
    return [...this.#rules.values()].some(test);
  }

  register(entity: string, rule: EntityRule): void {
    this.#rules.set(entity, checkRule(entity, rule));
    this.#warn(entity);
  }

  #warn(entity: string): void {
    for (const relation of this.#rules.get(entity)?.relatedEntities ?? []) {
      const related = typeof relation === "string" ? relation : relation.entity;
      if (this.#rules.has(related) || this.#warned.has(related) || this.#warned.size >= 1_000) continue;
      this.#warned.add(related);
      this.#logger.warn(
        { entity, related },
        `A related entity has no rule of its own; ${related}:* is invalidated for it. Give it one.`,
      );
    }
  }
}
