import type { CrmEntity } from "@crm/cache-rules";
import type { PageRequest } from "../db/queries/page.ts";

/**
 * The key of one page of a filtered list. What people typed is encoded: a `:` in it must not make the key of another
 * question. Filters that are not set are left out, so the same question has one key whatever the order of its parts.
 */
export function listKey(entity: CrmEntity, { page, limit }: PageRequest, filter: object): string {
  const set = Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value).toLowerCase())}`);
  return [entity, "list", page, limit, ...set].join(":");
}
