import { asc, type SQL, sql } from "drizzle-orm";
import { companies } from "../schema.ts";

/** The orders in which companies are listed; `-` is from the largest, or from Z. */
export const COMPANY_SORTS = [
  ...(["name", "-name", "sector", "-sector", "country", "-country"] as const),
  ...(["employees", "-employees", "revenueMillions", "-revenueMillions"] as const),
] as const;
export type CompanySort = (typeof COMPANY_SORTS)[number];

const byName = sql`lower(${companies.name})`;
const COLUMNS = {
  name: byName,
  sector: companies.sector,
  country: companies.country,
  employees: companies.employees,
  revenueMillions: companies.revenueMillions,
} as const;

/** Total: pages of one order never show a row twice. What is not known comes last, either way. */
export function companyOrder(sort: CompanySort = "name"): SQL[] {
  const column = COLUMNS[sort.replace("-", "") as keyof typeof COLUMNS];
  const first = sort.startsWith("-") ? sql`${column} desc nulls last` : sql`${column} asc nulls last`;
  return [first, asc(byName), asc(companies.id)];
}
