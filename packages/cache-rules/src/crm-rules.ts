import type { EntityRules } from "@crm/cache-core";

/** The entities of the CRM. */
export type CrmEntity =
  | "companies"
  | "projects"
  | "tasks"
  | "milestones"
  | "users"
  | "session"
  | "permissions"
  | "deals"
  | "quotes"
  | "contacts"
  | "leads";

/**
 * The predefined rules: by type, so a change of one company drops every company. What is cached about a user under
 * `session:<id>` and `permissions:<id>` goes with every change of that user, and of nobody else; the user's sessions
 * themselves end when the user is deleted.
 */
export const crmRules: EntityRules<CrmEntity> = {
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
