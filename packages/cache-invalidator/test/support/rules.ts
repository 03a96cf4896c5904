import type { EntityRules } from "../../src/index.ts";

// The sets of @crm/cache-rules, copied: packages depend on the core alone, tests included. `test/rules-copy.test.ts` compares.

export const tableRules: EntityRules = {
  companies: {
    patterns: ["companies:*", "companies:list:*", "companies:industries"],
    relatedEntities: ["projects", "contacts", "deals"],
  },
  projects: {
    patterns: ["projects:*", "projects:list:*", "projects:active", "projects:stats"],
    relatedEntities: ["tasks", "milestones", "companies"],
  },
  tasks: {
    patterns: ["tasks:*", "tasks:list:*", "projects:*:tasks"],
    relatedEntities: ["projects"],
  },
  milestones: {
    patterns: ["milestones:*", "milestones:list:*", "projects:*:milestones"],
    relatedEntities: ["projects"],
  },
  users: {
    patterns: ["users:*", "users:list:*", "users:active"],
    relatedEntities: ["session", "permissions"],
  },
  session: {
    patterns: ["session:{id}", "session:{id}:*"],
    scoped: true,
    endsSessions: ["entity:deleted"],
  },
  permissions: { patterns: ["permissions:{id}", "permissions:{id}:*"], scoped: true },
  deals: {
    patterns: ["deals:*", "deals:list:*", "deals:open", "deals:stats"],
    relatedEntities: ["quotes", "companies", "contacts"],
  },
  quotes: {
    patterns: ["quotes:*", "quotes:list:*"],
    relatedEntities: ["deals", "companies"],
  },
  contacts: {
    patterns: ["contacts:*", "contacts:list:*"],
    relatedEntities: ["companies", "leads"],
  },
  leads: {
    patterns: ["leads:*", "leads:list:*", "leads:recent"],
    relatedEntities: ["contacts"],
  },
};

const COMPANY = ["companyId", "companyIds", "company_id", "company_ids"];
const PROJECT = ["projectId", "projectIds", "project_id", "project_ids"];
const TASK = ["taskId", "taskIds", "task_id", "task_ids"];
const MILESTONE = ["milestoneId", "milestoneIds", "milestone_id", "milestone_ids"];
const DEAL = ["dealId", "dealIds", "deal_id", "deal_ids"];
const QUOTE = ["quoteId", "quoteIds", "quote_id", "quote_ids"];
const CONTACT = ["contactId", "contactIds", "contact_id", "contact_ids"];
const LEAD = ["leadId", "leadIds", "lead_id", "lead_ids"];

export const preciseRules: EntityRules = {
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

/** Three instances in a ring. */
export const cyclicRules: EntityRules = {
  a: { patterns: ["a:{id}"], relatedEntities: [{ entity: "b", idFrom: "$id" }] },
  b: { patterns: ["b:{id}"], relatedEntities: [{ entity: "c", idFrom: "$id" }] },
  c: { patterns: ["c:{id}"], relatedEntities: [{ entity: "a", idFrom: "$id" }] },
};
