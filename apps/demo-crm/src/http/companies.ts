import { Hono } from "hono";
import { companiesService } from "../services/companies-service.ts";
import { respond } from "./errors.ts";
import { companiesQuery, companyChange, deleteCompanyQuery, newCompany, slugId } from "./inputs.ts";
import { bodyOf, paramOf, queryOf } from "./validate.ts";

export const companiesRoutes = new Hono()
  .get("/", async (c) => {
    const { page, limit, ...filter } = queryOf(c, companiesQuery);
    return respond(c, await companiesService.listCompanies({ page, limit }, filter));
  })
  .post("/", async (c) => {
    const response = await companiesService.createCompany(await bodyOf(c, newCompany));
    if (response.success) c.header("location", `/api/companies/${response.data.id}`);
    return respond(c, response, 201);
  })
  .get("/:id", async (c) => {
    const id = paramOf(c, slugId);
    const company = await companiesService.getCompanyByIdV2(id);
    if (!company.success) return respond(c, company);
    const summary = await companiesService.getDealsSummary(id);
    return respond(
      c,
      summary.success ? { ...company, data: { ...company.data, dealsSummary: summary.data } } : summary,
    );
  })
  .patch("/:id", async (c) =>
    respond(c, await companiesService.updateCompany(paramOf(c, slugId), await bodyOf(c, companyChange))),
  )
  .delete("/:id", async (c) => {
    const detachDeals = queryOf(c, deleteCompanyQuery).deals === "detach";
    return respond(c, await companiesService.deleteCompany(paramOf(c, slugId), { detachDeals }));
  });
