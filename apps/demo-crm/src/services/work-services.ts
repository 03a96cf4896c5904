import {
  contactQueries,
  leadQueries,
  milestoneQueries,
  projectQueries,
  quoteQueries,
  taskQueries,
} from "../db/queries/work.ts";
import { createEntityService } from "./create-entity-service.ts";

export const contactsService = createEntityService({
  entity: "contacts",
  title: "Contact",
  queries: contactQueries,
});

export const leadsService = createEntityService({ entity: "leads", title: "Lead", queries: leadQueries });

export const projectsService = createEntityService({
  entity: "projects",
  title: "Project",
  queries: projectQueries,
  wrongWith: ({ startsOn, endsOn }) =>
    endsOn !== null && endsOn < startsOn ? "A project cannot end before it starts" : undefined,
});

export const tasksService = createEntityService({ entity: "tasks", title: "Task", queries: taskQueries });

export const milestonesService = createEntityService({
  entity: "milestones",
  title: "Milestone",
  queries: milestoneQueries,
});

export const quotesService = createEntityService({
  entity: "quotes",
  title: "Quote",
  queries: quoteQueries,
  wrongWith({ status }, before) {
    const issued = (before?.number ?? null) !== null;
    if (status !== "draft" && !issued) return "A quote has to be issued first: POST …/issue";
    if (status === "draft" && issued) return "A quote that has a number cannot become a draft again";
    return undefined;
  },
});
