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

/** Three instances in a ring. */
export const cyclicRules: EntityRules = {
  a: { patterns: ["a:{id}"], relatedEntities: [{ entity: "b", idFrom: "$id" }] },
  b: { patterns: ["b:{id}"], relatedEntities: [{ entity: "c", idFrom: "$id" }] },
  c: { patterns: ["c:{id}"], relatedEntities: [{ entity: "a", idFrom: "$id" }] },
};
