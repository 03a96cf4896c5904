import { aggregateQueries } from "../db/queries/aggregates.ts";
import { companyQueries } from "../db/queries/companies.ts";
import { dealQueries } from "../db/queries/deals.ts";
import { userQueries } from "../db/queries/users.ts";
import { analyticsService } from "../services/analytics-service.ts";
import type { ApiResponse } from "../services/api-response.ts";
import { companiesService } from "../services/companies-service.ts";
import { dealsService } from "../services/deals-service.ts";
import { usersService } from "../services/users-service.ts";

/** One question, answered in two ways. */
export interface MeasuredRead {
  readonly name: string;
  /** Where the cache keeps the answer. */
  readonly key: string;
  /** As the API reads it. */
  withCache(): Promise<ApiResponse<unknown>>;
  /** The same query without anything before it. */
  withoutCache(): Promise<unknown>;
}

export const measuredReads = {
  company: (id: string): MeasuredRead => ({
    name: "Company by id",
    key: `companies:${id}`,
    withCache: () => companiesService.getCompanyByIdV2(id),
    withoutCache: () => companyQueries.findById(id),
  }),
  companyByHand: (id: string): MeasuredRead => ({
    name: "Company by id, lease by hand",
    key: `companies:${id}`,
    withCache: () => companiesService.getCompanyById(id),
    withoutCache: () => companyQueries.findById(id),
  }),
  companyDeals: (id: string): MeasuredRead => ({
    name: "Deals summary of a company",
    key: `companies:${id}:deals-summary`,
    withCache: () => companiesService.getDealsSummary(id),
    withoutCache: () => companyQueries.summarizeDeals(id),
  }),
  companyList: (page: number): MeasuredRead => ({
    name: "Companies, a page of 20",
    key: `companies:list:${page}:20::`,
    withCache: () => companiesService.listCompanies({ page, limit: 20 }, {}),
    withoutCache: () => companyQueries.findAll({ page, limit: 20 }, {}),
  }),
  deal: (id: string): MeasuredRead => ({
    name: "Deal by id, three joins",
    key: `deals:${id}`,
    withCache: () => dealsService.getDealById(id),
    withoutCache: () => dealQueries.findById(id),
  }),
  dealList: (page: number): MeasuredRead => ({
    name: "Deals, a page of 20",
    key: `deals:list:${page}:20:::`,
    withCache: () => dealsService.listDeals({ page, limit: 20 }, {}),
    withoutCache: () => dealQueries.findAll({ page, limit: 20 }, {}),
  }),
  user: (id: string): MeasuredRead => ({
    name: "User by id",
    key: `users:${id}`,
    withCache: () => usersService.getUserById(id),
    withoutCache: () => userQueries.findById(id),
  }),
  pipeline: (): MeasuredRead => ({
    name: "Pipeline by stage",
    key: "analytics:pipeline",
    withCache: () => analyticsService.pipeline(),
    withoutCache: () => aggregateQueries.pipeline(),
  }),
  revenueBySector: (): MeasuredRead => ({
    name: "Revenue by sector",
    key: "analytics:revenue-by-sector",
    withCache: () => analyticsService.revenueBySector(),
    withoutCache: () => aggregateQueries.revenueBySector(),
  }),
  leaderboard: (): MeasuredRead => ({
    name: "Leaderboard of users",
    key: "analytics:leaderboard",
    withCache: () => analyticsService.leaderboard(),
    withoutCache: () => aggregateQueries.leaderboard(),
  }),
};
