import type { EntityRow } from "../db/queries/entity-queries.ts";
import type { EntityService } from "../services/create-entity-service.ts";
import {
  contactsService,
  leadsService,
  milestonesService,
  projectsService,
  quotesService,
  tasksService,
} from "../services/work-services.ts";
import { entityRoutes } from "./entity-routes.ts";
import {
  contact,
  contactFilter,
  lead,
  leadFilter,
  milestone,
  milestoneFilter,
  project,
  projectFilter,
  quote,
  quoteFilter,
  rowId,
  task,
  taskFilter,
} from "./inputs.ts";
import type { Router } from "./router.ts";

const served = <Row extends EntityRow, Values, Filter>(service: EntityService<Row, Values, Filter>) => ({
  ...service,
  get: service.getByIdV2,
});

/** The entities whose services have one shape, by the name in their path. */
export const workRoutes = (): Readonly<Record<string, Router>> => ({
  contacts: entityRoutes({
    ...{ name: "contacts", id: rowId, values: contact, filter: contactFilter },
    service: served(contactsService),
  }),
  leads: entityRoutes({
    ...{ name: "leads", id: rowId, values: lead, filter: leadFilter },
    service: served(leadsService),
  }),
  projects: entityRoutes({
    ...{ name: "projects", id: rowId, values: project, filter: projectFilter },
    service: served(projectsService),
  }),
  milestones: entityRoutes({
    ...{ name: "milestones", id: rowId, values: milestone, filter: milestoneFilter },
    service: served(milestonesService),
  }),
  tasks: entityRoutes({
    ...{ name: "tasks", id: rowId, values: task, filter: taskFilter },
    service: served(tasksService),
  }),
  quotes: entityRoutes({
    ...{ name: "quotes", id: rowId, values: quote, filter: quoteFilter },
    service: served(quotesService),
  }),
});
