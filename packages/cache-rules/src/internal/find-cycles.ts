import type { EntityRules } from "@crm/cache-core";
import { relatedNames } from "./related-names.ts";

/**
 * The groups of entities that reach one another, and those that are related to themselves: strongly connected components
 * by Tarjan's algorithm. In the order of the rules, members sorted.
 */
export function findCycles(rules: EntityRules): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];

  function visit(entity: string): void {
    order.set(entity, order.size);
    low.set(entity, order.get(entity) as number);
    stack.push(entity);
    for (const related of relatedNames(rules[entity] as EntityRules[string])) {
      if (!Object.hasOwn(rules, related)) continue;
      if (!order.has(related)) visit(related);
      else if (!stack.includes(related)) continue;
      low.set(entity, Math.min(low.get(entity) as number, low.get(related) as number));
    }
    if (low.get(entity) !== order.get(entity)) return;
    const members = stack.splice(stack.indexOf(entity));
    if (members.length > 1 || relatedNames(rules[entity] as EntityRules[string]).includes(entity)) {
      found.push(members.sort());
    }
  }

  for (const entity of Object.keys(rules)) if (!order.has(entity)) visit(entity);
  return found;
}
