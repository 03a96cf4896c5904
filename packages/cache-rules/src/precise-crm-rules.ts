import type { EntityRules } from "@crm/cache-core";
import type { CrmEntity } from "./crm-rules.ts";

// The fields of a change's data that hold ids, also as columns are called.
const COMPANY = ["companyId", "companyIds", "company_id", "company_ids"];
const PROJECT = ["projectId", "projectIds", "project_id", "project_ids"];
const TASK = ["taskId", "taskIds", "task_id", "task_ids"];
const MILESTONE = ["milestoneId", "milestoneIds", "milestone_id", "milestone_ids"];
const DEAL = ["dealId", "dealIds", "deal_id", "deal_ids"];
const QUOTE = ["quoteId", "quoteIds", "quote_id", "quote_ids"];
const CONTACT = ["contactId", "contactIds", "contact_id", "contact_ids"];
const LEAD = ["leadId", "leadIds", "lead_id", "lead_ids"];

/**
 * The relations of `crmRules` by instance: the entity that changed under `<entity>:<id>` and below, its lists and
 * aggregates, and the related entities that the change's `data` names (`companyId`, `dealIds`, `company_id`, …).
 *
 * What the data does not name: of **parents** (the company of a deal) all go, for a row names its parents, so this costs
 * hits and never freshness; of **children** (the deals of a company), which no row of a parent names, the lists and
 * aggregates go and the instances stay. An instance of a child that shows something of its parent needs the ids in the data,
 * a relation with `ids` that looks them up, or a dependency (`track`, `dependsOn`).
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
      { entity: "projects", idFrom: PROJECT, whenUnknown: "collections" },
      { entity: "contacts", idFrom: CONTACT, whenUnknown: "collections" },
      { entity: "deals", idFrom: DEAL, whenUnknown: "collections" },
    ],
  },
  projects: {
    patterns: [
      ...["projects:{id}", "projects:{id}:*"],
      ...["projects:list", "projects:list:*", "projects:active", "projects:stats", "projects:stats:*"],
    ],
    relatedEntities: [
      { entity: "tasks", idFrom: TASK, whenUnknown: "collections" },
      { entity: "milestones", idFrom: MILESTONE, whenUnknown: "collections" },
      { entity: "companies", idFrom: COMPANY },
    ],
  },
  tasks: {
    patterns: ["tasks:{id}", "tasks:{id}:*", "tasks:list", "tasks:list:*", "tasks:stats", "tasks:stats:*"],
    relatedEntities: [{ entity: "projects", idFrom: PROJECT }],
  },
  milestones: {
    patterns: ["milestones:{id}", "milestones:{id}:*", "milestones:list", "milestones:list:*"],
    relatedEntities: [{ entity: "projects", idFrom: PROJECT }],
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
      { entity: "quotes", idFrom: QUOTE, whenUnknown: "collections" },
      { entity: "companies", idFrom: COMPANY },
      { entity: "contacts", idFrom: CONTACT },
    ],
  },
  quotes: {
    patterns: ["quotes:{id}", "quotes:{id}:*", "quotes:list", "quotes:list:*"],
    relatedEntities: [
      { entity: "deals", idFrom: DEAL },
      { entity: "companies", idFrom: COMPANY },
    ],
  },
  contacts: {
    patterns: ["contacts:{id}", "contacts:{id}:*", "contacts:list", "contacts:list:*"],
    relatedEntities: [
      { entity: "companies", idFrom: COMPANY },
      { entity: "leads", idFrom: LEAD, whenUnknown: "collections" },
    ],
  },
  leads: {
    patterns: ["leads:{id}", "leads:{id}:*", "leads:list", "leads:list:*", "leads:recent", "leads:recent:*"],
    relatedEntities: [{ entity: "contacts", idFrom: CONTACT }],
  },
};
