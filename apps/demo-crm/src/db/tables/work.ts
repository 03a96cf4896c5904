import { sql } from "drizzle-orm";
import { check, date, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { origin, written } from "./columns.ts";
import { companies, deals, users } from "./imported.ts";

export const LEAD_STATUSES = ["new", "contacted", "qualified", "lost"] as const;
export const LEAD_SOURCES = ["website", "referral", "event", "outbound"] as const;
export const PROJECT_STATUSES = ["planned", "active", "paused", "done"] as const;
export const TASK_STATUSES = ["open", "doing", "done"] as const;
export const QUOTE_STATUSES = ["draft", "issued", "accepted", "declined"] as const;

const companyId = () => text("company_id").references(() => companies.id, { onDelete: "set null" });
const userReference = (column: string) => text(column).references(() => users.id, { onDelete: "set null" });
const day = (column: string) => date(column, { mode: "string" });

export const contacts = pgTable(
  "contacts",
  {
    id: text("id").primaryKey(),
    companyId: companyId(),
    name: text("name").notNull(),
    title: text("title"),
    email: text("email"),
    phone: text("phone"),
    ...origin,
    ...written,
  },
  (table) => [index("contacts_company").on(table.companyId)],
);

export const leads = pgTable(
  "leads",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    contactId: text("contact_id").references(() => contacts.id, { onDelete: "set null" }),
    ownerId: userReference("owner_id"),
    source: text("source", { enum: LEAD_SOURCES }).notNull(),
    status: text("status", { enum: LEAD_STATUSES }).notNull(),
    /** 0 to 100. */
    score: integer("score").notNull(),
    receivedOn: day("received_on").notNull(),
    ...origin,
    ...written,
  },
  (table) => [
    index("leads_contact").on(table.contactId),
    index("leads_owner").on(table.ownerId),
    index("leads_recent").on(sql`${table.receivedOn} desc`, table.id),
  ],
);

export const projects = pgTable(
  "projects",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    companyId: companyId(),
    /** The won deal that it delivers. */
    dealId: text("deal_id").references(() => deals.id, { onDelete: "set null" }),
    ownerId: userReference("owner_id"),
    status: text("status", { enum: PROJECT_STATUSES }).notNull(),
    startsOn: day("starts_on").notNull(),
    endsOn: day("ends_on"),
    ...origin,
    ...written,
  },
  (table) => [
    index("projects_company").on(table.companyId),
    index("projects_deal").on(table.dealId),
    index("projects_owner").on(table.ownerId),
    check("projects_end_after_start", sql`${table.endsOn} is null or ${table.endsOn} >= ${table.startsOn}`),
  ],
);

const projectId = () =>
  text("project_id")
    .notNull()
    .references(() => projects.id, { onDelete: "cascade" });

export const milestones = pgTable(
  "milestones",
  {
    id: text("id").primaryKey(),
    projectId: projectId(),
    name: text("name").notNull(),
    dueOn: day("due_on").notNull(),
    reachedOn: day("reached_on"),
    ...origin,
    ...written,
  },
  (table) => [index("milestones_project").on(table.projectId)],
);

export const tasks = pgTable(
  "tasks",
  {
    id: text("id").primaryKey(),
    projectId: projectId(),
    title: text("title").notNull(),
    assigneeId: userReference("assignee_id"),
    status: text("status", { enum: TASK_STATUSES }).notNull(),
    dueOn: day("due_on"),
    ...origin,
    ...written,
  },
  (table) => [index("tasks_project").on(table.projectId), index("tasks_assignee").on(table.assigneeId)],
);

export const quotes = pgTable(
  "quotes",
  {
    id: text("id").primaryKey(),
    dealId: text("deal_id")
      .notNull()
      .references(() => deals.id, { onDelete: "cascade" }),
    companyId: companyId(),
    status: text("status", { enum: QUOTE_STATUSES }).notNull(),
    /** `2017-0042`: given once, when it is issued, without a gap. */
    number: text("number").unique(),
    issuedOn: day("issued_on"),
    /** Dollars. */
    amount: integer("amount").notNull(),
    validUntil: day("valid_until"),
    ...origin,
    ...written,
  },
  (table) => [
    index("quotes_deal").on(table.dealId),
    index("quotes_company").on(table.companyId),
    check(
      "quotes_issued_have_number",
      sql`(${table.status} <> 'draft') = (${table.number} is not null)
        and (${table.number} is null) = (${table.issuedOn} is null)`,
    ),
  ],
);

export type Contact = typeof contacts.$inferSelect;
export type Lead = typeof leads.$inferSelect;
export type Project = typeof projects.$inferSelect;
export type Milestone = typeof milestones.$inferSelect;
export type Task = typeof tasks.$inferSelect;
export type Quote = typeof quotes.$inferSelect;
