import { cache, cacheManager } from "../cache/index.ts";
import type { Change } from "../db/queries/change.ts";
import {
  type CompanyFilter,
  type CompanyValues,
  companyQueries,
  type DealsSummary,
  type Industry,
} from "../db/queries/companies.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import type { Company } from "../db/schema.ts";
import { slug } from "../db/slug.ts";
import { afterEvents, removedWith } from "./after-commit.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";
import { companyFiguresMoved, rowFiguresMoved } from "./figures.ts";

const CACHE_TTL = 300;
const CACHE_PREFIX = "companies";

/** Ids come from URLs: callers must have checked them (`http/ids.ts`) before they become part of a key or a tag. */
class CompaniesService {
  /** By hand: the lease is taken before the query, so a company that changes meanwhile is not stored. */
  async getCompanyById(id: string): Promise<ApiResponse<Company>> {
    await using lease = await cache.lease<Company>(`${CACHE_PREFIX}:${id}`);
    if (lease.value !== undefined) return successResponse(lease.value);

    const company = await companyQueries.findById(id);
    if (!company) return Errors.NotFound("Company").toResponse();

    // Resolves to false when the company was changed since the lease; what was read is still right to answer with,
    // for the change was not acknowledged to anybody before this request came.
    await lease.fill(company, { ttl: CACHE_TTL, dependsOn: [["companies", id]] });
    return successResponse(company);
  }

  /** The same with `getOrSet`, which also makes concurrent callers share one query. What the API uses. */
  async getCompanyByIdV2(id: string): Promise<ApiResponse<Company>> {
    const company = await cacheManager.getOrSet(
      `${CACHE_PREFIX}:${id}`,
      () => companyQueries.findById(id),
      CACHE_TTL,
    );

    if (!company) return Errors.NotFound("Company").toResponse();
    return successResponse(company);
  }

  async listCompanies(request: PageRequest, filter: CompanyFilter): Promise<ApiResponse<Page<Company>>> {
    const { sector = "", q = "", sort } = filter;
    // What people typed is encoded: a `:` in it must not make the key of another question.
    const question = [
      request.page,
      request.limit,
      encodeURIComponent(sector),
      encodeURIComponent(q.toLowerCase()),
      ...(sort === undefined ? [] : [sort]),
    ];
    const page = await cache.getOrSet(
      `${CACHE_PREFIX}:list:${question.join(":")}`,
      () => companyQueries.findAll(request, filter),
      // Every search is a key of its own; the short stay bounds how many there are.
      filter.q === undefined ? CACHE_TTL : 60,
    );
    return successResponse(page);
  }

  async listSectors(): Promise<ApiResponse<string[]>> {
    return successResponse(await cache.getOrSet("companies:sectors", companyQueries.findSectors, "1h"));
  }

  async listIndustries(): Promise<ApiResponse<Industry[]>> {
    return successResponse(await cache.getOrSet("companies:industries", companyQueries.findIndustries, "1h"));
  }

  async getDealsSummary(id: string): Promise<ApiResponse<DealsSummary>> {
    const summary = await cache.getOrSet(
      `${CACHE_PREFIX}:${id}:deals-summary`,
      () => companyQueries.summarizeDeals(id),
      CACHE_TTL, // It goes with the deals: see `company-figures` in cache/rules.ts.
    );
    return successResponse(summary);
  }

  async createCompany(data: CompanyValues): Promise<ApiResponse<Company>> {
    const id = slug(data.name);
    if (!id)
      return Errors.Unprocessable(
        "The name must contain a letter or a digit of the Latin alphabet",
      ).toResponse();

    const company = await companyQueries.create(id, data);
    if (company === "no-parent")
      return Errors.Unprocessable("The parent company does not exist").toResponse();
    if (!company) return Errors.Conflict(`A company with the id "${id}" exists already`).toResponse();

    const created = {
      event: "entity:created",
      entityType: "companies",
      entityId: id,
      data: company,
    } as const;
    return successResponse(company, await afterEvents([created, ...rowFiguresMoved("companies", id)]));
  }

  async updateCompany(id: string, data: Change<CompanyValues>): Promise<ApiResponse<Company>> {
    if (data.parentCompanyId === id)
      return Errors.Unprocessable("A company cannot be its own parent").toResponse();

    const updated = await companyQueries.update(id, data);
    if (updated === "no-parent")
      return Errors.Unprocessable("The parent company does not exist").toResponse();
    if (!updated) return Errors.NotFound("Company").toResponse();

    const { before, after } = updated;
    const event = { event: "entity:updated", entityType: "companies", entityId: id, data: after } as const;
    return successResponse(after, await afterEvents([event, ...companyFiguresMoved(before, after)]));
  }

  async deleteCompany(id: string, options: { detachDeals: boolean }): Promise<ApiResponse<{ id: string }>> {
    const result = await companyQueries.delete(id, options);
    if (!result) return Errors.NotFound("Company").toResponse();
    if ("deals" in result)
      return Errors.Conflict(
        `The company has ${result.deals} deals; with ?deals=detach they are kept without a company`,
      ).toResponse();

    return successResponse({ id }, await removedWith("companies", result.row, result.affected));
  }
}

export const companiesService = new CompaniesService();
