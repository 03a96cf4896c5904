import type { EntityRules } from "@crm/cache-core";
import type { CrmEntity } from "./crm-rules.ts";

/**
 * The relations of `crmRules` by instance: the entity that changed under `<entity>:<id>` and below, its lists and
 * aggregates, and of related entities those that the change's `data` names (`companyId`, `dealIds`, …). A relation whose
 * ids are not in the data falls back to all of the related entity, so leaving them out costs hits and never freshness.
 *
 * When a row moves from one parent to another, name both: `{ companyIds: [from, to] }`.
 */
export const preciseCrmRules: EntityRules<CrmEntity> = {
  companies: {
    patterns: [
      ...["companies:{id}", "companies:{id}:*"],
      ...[
        "companies:list",
        "companies:list:*",
        "companies:industries",
        "companies:stats",
        "companies:stats:*",
      ],
    ],
    relatedEntities: [
      { entity: "projects", idFrom: ["projectId", "projectIds"] },
      { entity: "contacts", idFrom: ["contactId", "contactIds"] },
      { entity: "deals", idFrom: ["dealId", "dealIds"] },
    ],
  },
  projects: {
    patterns: [
      ...["projects:{id}", "projects:{id}:*"],
      ...["projects:list", "projects:list:*", "projects:active", "projects:stats", "projects:stats:*"],
    ],
    relatedEntities: [
      { entity: "tasks", idFrom: ["taskId", "taskIds"] },
      { entity: "milestones", idFrom: ["milestoneId", "milestoneIds"] },
      { entity: "companies", idFrom: ["companyId", "companyIds"] },
    ],
  },
  tasks: {
    patterns: ["tasks:{id}", "tasks:{id}:*", "tasks:list", "tasks:list:*", "tasks:stats", "tasks:stats:*"],
    relatedEntities: [{ entity: "projects", idFrom: ["projectId", "projectIds"] }],
  },
  milestones: {
    patterns: ["milestones:{id}", "milestones:{id}:*", "milestones:list", "milestones:list:*"],
    relatedEntities: [{ entity: "projects", idFrom: ["projectId", "projectIds"] }],
  },
  users: {
    patterns: [
      ...["users:{id}", "users:{id}:*"],
      ...["users:list", "users:list:*", "users:active", "users:stats", "users:stats:*"],
    ],
    relatedEntities: ["session", "permissions"],
  },
  session: {
    patterns: ["session:{id}", "session:{id}:*"],
    scoped: true,
    endsSessions: ["entity:deleted"],
  },
  permissions: { patterns: ["permissions:{id}", "permissions:{id}:*"], scoped: true },
  deals: {
    patterns: [
      ...["deals:{id}", "deals:{id}:*"],
      ...["deals:list", "deals:list:*", "deals:open", "deals:open:*", "deals:stats", "deals:stats:*"],
    ],
    relatedEntities: [
      { entity: "quotes", idFrom: ["quoteId", "quoteIds"] },
      { entity: "companies", idFrom: ["companyId", "companyIds"] },
      { entity: "contacts", idFrom: ["contactId", "contactIds"] },
    ],
  },
  quotes: {
    patterns: ["quotes:{id}", "quotes:{id}:*", "quotes:list", "quotes:list:*"],
    relatedEntities: [
      { entity: "deals", idFrom: ["dealId", "dealIds"] },
      { entity: "companies", idFrom: ["companyId", "companyIds"] },
    ],
  },
  contacts: {
    patterns: ["contacts:{id}", "contacts:{id}:*", "contacts:list", "contacts:list:*"],
    relatedEntities: [
      { entity: "companies", idFrom: ["companyId", "companyIds"] },
      { entity: "leads", idFrom: ["leadId", "leadIds"] },
    ],
  },
  leads: {
    patterns: ["leads:{id}", "leads:{id}:*", "leads:list", "leads:list:*", "leads:recent", "leads:recent:*"],
    relatedEntities: [{ entity: "contacts", idFrom: ["contactId", "contactIds"] }],
  },
};
