import { randomUUID } from "node:crypto";
import { asc, desc, eq, gte, ilike, sql } from "drizzle-orm";
import {
  type Contact,
  contacts,
  type Lead,
  leads,
  type Milestone,
  milestones,
  type Project,
  projects,
  type Quote,
  quotes,
  type Task,
  tasks,
} from "../schema.ts";
import { createEntityQueries } from "./entity-queries.ts";
import { containing } from "./page.ts";

const newId = randomUUID;

export type ContactValues = Pick<Contact, "name" | "companyId" | "title" | "email" | "phone">;
export interface ContactFilter {
  readonly company?: string | undefined;
  /** Part of the name, in any case. */
  readonly q?: string | undefined;
}
export const contactQueries = createEntityQueries<Contact, ContactValues, ContactFilter>({
  entity: "contacts",
  table: contacts,
  newId,
  order: [asc(sql`lower(${contacts.name})`), asc(contacts.id)],
  where: ({ company, q }) => [
    company === undefined ? undefined : eq(contacts.companyId, company),
    q === undefined ? undefined : ilike(contacts.name, containing(q)),
  ],
  references: [{ entity: "leads", table: leads, column: "contactId", on: "detach" }],
});

export type LeadValues = Pick<
  Lead,
  "name" | "contactId" | "ownerId" | "source" | "status" | "score" | "receivedOn"
>;
export interface LeadFilter {
  readonly status?: Lead["status"] | undefined;
  readonly source?: Lead["source"] | undefined;
  readonly owner?: string | undefined;
  readonly contact?: string | undefined;
  readonly minScore?: number | undefined;
}
export const leadQueries = createEntityQueries<Lead, LeadValues, LeadFilter>({
  entity: "leads",
  table: leads,
  newId,
  order: [desc(leads.receivedOn), asc(leads.id)],
  where: ({ status, source, owner, contact, minScore }) => [
    status === undefined ? undefined : eq(leads.status, status),
    source === undefined ? undefined : eq(leads.source, source),
    owner === undefined ? undefined : eq(leads.ownerId, owner),
    contact === undefined ? undefined : eq(leads.contactId, contact),
    minScore === undefined ? undefined : gte(leads.score, minScore),
  ],
});

export type ProjectValues = Pick<
  Project,
  "name" | "companyId" | "dealId" | "ownerId" | "status" | "startsOn" | "endsOn"
>;
export interface ProjectFilter {
  readonly company?: string | undefined;
  readonly owner?: string | undefined;
  readonly status?: Project["status"] | undefined;
}
export const projectQueries = createEntityQueries<Project, ProjectValues, ProjectFilter>({
  entity: "projects",
  table: projects,
  newId,
  order: [desc(projects.startsOn), asc(projects.id)],
  where: ({ company, owner, status }) => [
    company === undefined ? undefined : eq(projects.companyId, company),
    owner === undefined ? undefined : eq(projects.ownerId, owner),
    status === undefined ? undefined : eq(projects.status, status),
  ],
  references: [
    { entity: "tasks", table: tasks, column: "projectId", on: "delete" },
    { entity: "milestones", table: milestones, column: "projectId", on: "delete" },
  ],
});

export type MilestoneValues = Pick<Milestone, "projectId" | "name" | "dueOn" | "reachedOn">;
export interface MilestoneFilter {
  readonly project?: string | undefined;
  readonly reached?: "yes" | "no" | undefined;
}
export const milestoneQueries = createEntityQueries<Milestone, MilestoneValues, MilestoneFilter>({
  entity: "milestones",
  table: milestones,
  newId,
  order: [asc(milestones.dueOn), asc(milestones.id)],
  where: ({ project, reached }) => [
    project === undefined ? undefined : eq(milestones.projectId, project),
    reached === undefined ? undefined : sql`(${milestones.reachedOn} is not null) = ${reached === "yes"}`,
  ],
});

export type TaskValues = Pick<Task, "projectId" | "title" | "assigneeId" | "status" | "dueOn">;
export interface TaskFilter {
  readonly project?: string | undefined;
  readonly assignee?: string | undefined;
  readonly status?: Task["status"] | undefined;
}
export const taskQueries = createEntityQueries<Task, TaskValues, TaskFilter>({
  entity: "tasks",
  table: tasks,
  newId,
  order: [sql`${tasks.dueOn} asc nulls last`, asc(tasks.id)],
  where: ({ project, assignee, status }) => [
    project === undefined ? undefined : eq(tasks.projectId, project),
    assignee === undefined ? undefined : eq(tasks.assigneeId, assignee),
    status === undefined ? undefined : eq(tasks.status, status),
  ],
});

export type QuoteValues = Pick<Quote, "dealId" | "companyId" | "status" | "amount" | "validUntil">;
export interface QuoteFilter {
  readonly deal?: string | undefined;
  readonly company?: string | undefined;
  readonly status?: Quote["status"] | undefined;
}
export const quoteQueries = createEntityQueries<Quote, QuoteValues, QuoteFilter>({
  entity: "quotes",
  table: quotes,
  newId,
  order: [sql`${quotes.number} desc nulls first`, asc(quotes.id)],
  where: ({ deal, company, status }) => [
    deal === undefined ? undefined : eq(quotes.dealId, deal),
    company === undefined ? undefined : eq(quotes.companyId, company),
    status === undefined ? undefined : eq(quotes.status, status),
  ],
});
