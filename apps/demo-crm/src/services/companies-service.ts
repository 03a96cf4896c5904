import { cache, cacheManager } from "../cache/index.ts";
import type { Change } from "../db/queries/change.ts";
import {
  type CompanyFilter,
  type CompanyValues,
  companyQueries,
  type DealsSummary,
} from "../db/queries/companies.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import type { Company } from "../db/schema.ts";
import { slug } from "../db/slug.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";
import { invalidateAfterCommit } from "./invalidate-after-commit.ts";

const CACHE_TTL = 300;
const CACHE_PREFIX = "companies";

/** The removal of a parent changes its subsidiaries' rows too, so an entry belongs to both. */
const tagsOf = (company: Company) =>
  [company.id, company.parentCompanyId].filter((id) => id !== null).map((id) => `company:${id}`);

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
    await lease.fill(company, { ttl: CACHE_TTL, tags: tagsOf(company) });
    return successResponse(company);
  }

  /** The same with `getOrSet`, which also makes concurrent callers share one query. What the API uses. */
  async getCompanyByIdV2(id: string): Promise<ApiResponse<Company>> {
    const company = await cacheManager.getOrSet<Company | null>(
      `${CACHE_PREFIX}:${id}`,
      async (context) => {
        const found = await companyQueries.findById(id);
        if (found) context.addTags(...tagsOf(found));
        return found;
      },
      CACHE_TTL,
    );

    if (!company) return Errors.NotFound("Company").toResponse();
    return successResponse(company);
  }

  async listCompanies(request: PageRequest, filter: CompanyFilter): Promise<ApiResponse<Page<Company>>> {
    const { sector = "", q = "" } = filter;
    // What people typed is encoded: a `:` in it must not make the key of another question.
    const question = [
      request.page,
      request.limit,
      encodeURIComponent(sector),
      encodeURIComponent(q.toLowerCase()),
    ];
    const page = await cache.getOrSet(
      `${CACHE_PREFIX}:list:${question.join(":")}`,
      () => companyQueries.findAll(request, filter),
      // Every search is a key of its own; the short stay bounds how many there are.
      { ttl: filter.q === undefined ? CACHE_TTL : 60, tags: ["companies"] },
    );
    return successResponse(page);
  }

  async listSectors(): Promise<ApiResponse<string[]>> {
    const tags = ["companies"];
    return successResponse(
      await cache.getOrSet("companies:sectors", companyQueries.findSectors, { ttl: "1h", tags }),
    );
  }

  async getDealsSummary(id: string): Promise<ApiResponse<DealsSummary>> {
    const summary = await cache.getOrSet(
      `${CACHE_PREFIX}:${id}:deals-summary`,
      () => companyQueries.summarizeDeals(id),
      { ttl: CACHE_TTL, tags: [`company:${id}:deals`] },
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

    return successResponse(company, await invalidateAfterCommit(["companies", `company:${id}`, "analytics"]));
  }

  async updateCompany(id: string, data: Change<CompanyValues>): Promise<ApiResponse<Company>> {
    if (data.parentCompanyId === id)
      return Errors.Unprocessable("A company cannot be its own parent").toResponse();

    const updated = await companyQueries.update(id, data);
    if (updated === "no-parent")
      return Errors.Unprocessable("The parent company does not exist").toResponse();
    if (!updated) return Errors.NotFound("Company").toResponse();

    const { before, after } = updated;
    const tags = ["companies", `company:${id}`];
    if (before.name !== after.name) tags.push("deals"); // Lists of deals show the name.
    if (before.sector !== after.sector) tags.push("analytics"); // Revenue is counted by sector.
    return successResponse(after, await invalidateAfterCommit(tags));
  }

  async deleteCompany(id: string, options: { detachDeals: boolean }): Promise<ApiResponse<{ id: string }>> {
    const result = await companyQueries.delete(id, options);
    if (result === "missing") return Errors.NotFound("Company").toResponse();
    if (result !== "deleted")
      return Errors.Conflict(
        `The company has ${result.deals} deals; with ?deals=detach they are kept without a company`,
      ).toResponse();

    // `company:<id>` is also on its subsidiaries and its deals, whose rows the database has changed along with it.
    const tags = ["companies", `company:${id}`, `company:${id}:deals`, "deals", "analytics"];
    return successResponse({ id }, await invalidateAfterCommit(tags));
  }
}

export const companiesService = new CompaniesService();
