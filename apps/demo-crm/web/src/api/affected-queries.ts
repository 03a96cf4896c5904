import type { Query } from "@tanstack/react-query";
import type { EntityChange } from "./types.ts";

/** Which queries show something of an entity: the first part of their keys. */
const SHOWN_BY: Readonly<Record<string, readonly string[]>> = {
  companies: ["companies", "deals", "analytics"],
  deals: ["deals", "companies", "users", "analytics"],
  users: ["users", "deals", "analytics"],
  projects: ["projects"],
  tasks: ["tasks"],
  milestones: ["milestones"],
  contacts: ["contacts"],
  leads: ["leads"],
  quotes: ["quotes"],
};

/** Whether a query may show what changed. The detail of one row is left alone by a change of another row of its kind. */
export function isAffected(query: Pick<Query, "queryKey">, changes: readonly EntityChange[]): boolean {
  const [root, kind, id] = query.queryKey;
  // Every change goes through the invalidator, and is in the console's history.
  if (root === "cache-history") return changes.length > 0;
  return changes.some(({ entityType, entityId }) => {
    if (entityType === root && kind === "detail") return id === entityId;
    return (SHOWN_BY[entityType] ?? [entityType]).includes(String(root));
  });
}
