import { z } from "zod";
import { companiesService } from "../services/companies-service.ts";
import { entityRoutes } from "./entity-routes.ts";
import { respond } from "./errors.ts";
import { company, companyFilter, deleteCompanyQuery, slugId } from "./inputs.ts";
import { createRouter, type Router, serve } from "./router.ts";

export function companiesRoutes(): Router {
  return entityRoutes({
    name: "companies",
    id: slugId,
    values: company,
    filter: companyFilter,
    deleteQuery: deleteCompanyQuery,
    service: {
      async get(id) {
        const found = await companiesService.getCompanyByIdV2(id);
        if (!found.success) return found;
        const summary = await companiesService.getDealsSummary(id);
        return summary.success ? { ...found, data: { ...found.data, dealsSummary: summary.data } } : summary;
      },
      list: (request, filter) => companiesService.listCompanies(request, filter),
      create: (values) => companiesService.createCompany(values),
      update: (id, change) => companiesService.updateCompany(id, change),
      delete: (id, query) => companiesService.deleteCompany(id, { detachDeals: query.deals === "detach" }),
    },
  });
}

/** `GET /sectors`, the names, and `GET /industries`, with how many companies each has. */
export function sectorRoutes(): Router {
  const router = createRouter();
  const tag = "analytics";
  serve(
    router,
    { method: "get", path: "/sectors", tag, summary: "Sectors of the companies", data: z.array(z.string()) },
    async (c) => respond(c, await companiesService.listSectors()),
  );
  serve(router, { method: "get", path: "/industries", tag, summary: "Companies by sector" }, async (c) =>
    respond(c, await companiesService.listIndustries()),
  );
  return router;
}
