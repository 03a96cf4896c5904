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
  const onStack = new Set<string>();
  // The way to where the search is, and what is left to follow there; no recursion, which long chains would exhaust.
  const way: { readonly entity: string; readonly open: string[] }[] = [];

  function enter(entity: string): void {
    order.set(entity, order.size);
    low.set(entity, order.get(entity) as number);
    stack.push(entity);
    onStack.add(entity);
    const open = related(entity).filter((each) => Object.hasOwn(rules, each));
    way.push({ entity, open: open.reverse() });
  }

  function leave(entity: string): void {
    way.pop();
    const before = way.at(-1)?.entity;
    if (before !== undefined) reach(before, entity);
    if (low.get(entity) !== order.get(entity)) return;
    const members: string[] = [];
    for (let member = ""; member !== entity; ) {
      member = stack.pop() as string;
      onStack.delete(member);
      members.push(member);
    }
    if (members.length > 1 || related(entity).includes(entity)) found.push(members.sort());
  }

  function reach(entity: string, other: string): void {
    low.set(entity, Math.min(low.get(entity) as number, low.get(other) as number));
  }

  function related(entity: string): string[] {
    return relatedNames(rules[entity] as EntityRules[string]);
  }

  for (const start of Object.keys(rules)) {
    if (order.has(start)) continue;
    enter(start);
    for (let at = way.at(-1); at !== undefined; at = way.at(-1)) {
      const next = at.open.pop();
      if (next === undefined) leave(at.entity);
      else if (!order.has(next)) enter(next);
      else if (onStack.has(next)) reach(at.entity, next);
    }
  }
  return found;
}
