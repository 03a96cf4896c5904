import type { EntityRule, EntityRules } from "@crm/cache-core";

/**
 * Rules with the names of their entities as types: a related entity that has no rule does not compile. Returns what it
 * is given.
 *
 * ```ts
 * const rules = defineRules({
 *   invoices: { patterns: ["invoices:{id}", "invoices:list:*"], relatedEntities: ["customers"] },
 *   customers: { patterns: ["customers:*"] },
 * });
 * ```
 */
export function defineRules<
  const Rules extends { readonly [Entity in keyof Rules]: EntityRule<keyof Rules & string> },
>(rules: Rules): EntityRules<keyof Rules & string> {
  return rules;
}
