import { track } from "@crm/cache-core";
import { and, count, eq, ilike, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { isForeignKeyViolation } from "../constraint-error.ts";
import { type Company, companies, contacts, deals, projects, quotes } from "../schema.ts";
import { type Affected, letGo, nextVersion, type Reference } from "./affected.ts";
import type { Change } from "./change.ts";
import { type CompanySort, companyOrder } from "./company-sorts.ts";
import { containing, type Page, type PageRequest, toPage } from "./page.ts";

export interface CompanyFilter {
  readonly sector?: string | undefined;
  /** Part of the name, in any case. */
  readonly q?: string | undefined;
  /** @default "name" */
  readonly sort?: CompanySort | undefined;
}

export type CompanyValues = Pick<
  Company,
  "name" | "sector" | "yearEstablished" | "revenueMillions" | "employees" | "country" | "parentCompanyId"
>;

export interface Industry {
  readonly sector: string;
  readonly companies: number;
}

export interface DealsSummary {
  readonly deals: number;
  readonly open: number;
  readonly won: number;
  readonly lost: number;
  /** Dollars. */
  readonly wonValue: number;
  readonly averageWonValue: number | null;
  /** Won of won and lost, 0 to 1; `null` while nothing is closed. */
  readonly winRate: number | null;
  readonly lastClosed: string | null;
}

export const companyQueries = {
  async findById(id: string): Promise<Company | null> {
    track("companies", id);
    const [company] = await db().select().from(companies).where(eq(companies.id, id)).limit(1);
    return company ?? null;
  },

  async findAll(request: PageRequest, filter: CompanyFilter): Promise<Page<Company>> {
    track("companies");
    const where = and(
      filter.sector === undefined ? undefined : eq(companies.sector, filter.sector),
      filter.q === undefined ? undefined : ilike(companies.name, containing(filter.q)),
    );
    const items = await db()
      .select()
      .from(companies)
      .where(where)
      .orderBy(...companyOrder(filter.sort))
      .limit(request.limit)
      .offset((request.page - 1) * request.limit);
    const [all] = await db().select({ total: count() }).from(companies).where(where);
    return toPage(items, all?.total ?? 0, request);
  },

  /** The sectors, with how many companies each has. */
  async findIndustries(): Promise<Industry[]> {
    track("sectors");
    return db()
      .select({ sector: companies.sector, companies: count() })
      .from(companies)
      .groupBy(companies.sector)
      .orderBy(companies.sector);
  },

  async findSectors(): Promise<string[]> {
    track("sectors");
    const rows = await db()
      .selectDistinct({ sector: companies.sector })
      .from(companies)
      .orderBy(companies.sector);
    return rows.map((row) => row.sector);
  },

  async summarizeDeals(id: string): Promise<DealsSummary> {
    const won = sql`${deals.stage} = 'Won'`;
    const lost = sql`${deals.stage} = 'Lost'`;
    const [row] = await db()
      .select({
        deals: count(),
        open: sql<number>`count(*) filter (where ${deals.closeDate} is null)`.mapWith(Number),
        won: sql<number>`count(*) filter (where ${won})`.mapWith(Number),
        lost: sql<number>`count(*) filter (where ${lost})`.mapWith(Number),
        wonValue: sql<number>`coalesce(sum(${deals.closeValue}) filter (where ${won}), 0)`.mapWith(Number),
        averageWonValue: sql<number | null>`round(avg(${deals.closeValue}) filter (where ${won}))`.mapWith(
          Number,
        ),
        lastClosed: sql<string | null>`max(${deals.closeDate})::text`,
      })
      .from(deals)
      .where(eq(deals.companyId, id));
    const { won: wins, lost: losses } = row!;
    return { ...row!, winRate: wins + losses === 0 ? null : wins / (wins + losses) };
  },

  /** `null` when the id is taken. */
  async create(id: string, values: CompanyValues): Promise<Company | null | "no-parent"> {
    return orNoParent(async () => {
      const [company] = await db()
        .insert(companies)
        .values({ id, ...values })
        .onConflictDoNothing()
        .returning();
      return company ?? null;
    });
  },

  /** The row before and after, or `null` when there is none. */
  async update(
    id: string,
    values: Change<CompanyValues>,
  ): Promise<{ before: Company; after: Company } | null | "no-parent"> {
    return orNoParent(() =>
      db().transaction(async (transaction) => {
        const [before] = await transaction.select().from(companies).where(eq(companies.id, id)).for("update");
        if (!before) return null;
        const [after] = await transaction
          .update(companies)
          .set({ ...values, ...nextVersion(companies) })
          .where(eq(companies.id, id))
          .returning();
        return { before, after: after! };
      }),
    );
  },

  /** Removes a company; its subsidiaries stay, and its deals when they may. Refused, with their number, otherwise. */
  async delete(
    id: string,
    options: { detachDeals: boolean },
  ): Promise<{ row: Company; affected: Affected[] } | null | { deals: number }> {
    return db().transaction(async (transaction) => {
      const [row] = await transaction.select().from(companies).where(eq(companies.id, id)).for("update");
      if (!row) return null;
      const [attached] = await transaction
        .select({ deals: count() })
        .from(deals)
        .where(eq(deals.companyId, id));
      if (attached!.deals > 0 && !options.detachDeals) return { deals: attached!.deals };
      const affected = await letGo(transaction, id, REFERENCES);
      await transaction.delete(companies).where(eq(companies.id, id));
      return { row, affected };
    });
  },
};

const REFERENCES: readonly Reference[] = [
  { entity: "companies", table: companies, column: "parentCompanyId", on: "detach" },
  { entity: "deals", table: deals, column: "companyId", on: "detach" },
  { entity: "contacts", table: contacts, column: "companyId", on: "detach" },
  { entity: "projects", table: projects, column: "companyId", on: "detach" },
  { entity: "quotes", table: quotes, column: "companyId", on: "detach" },
];

/** A check before the write would leave a gap in which the parent can go; the database's own check does not. */
async function orNoParent<T>(write: () => Promise<T>): Promise<T | "no-parent"> {
  try {
    return await write();
  } catch (error) {
    if (isForeignKeyViolation(error)) return "no-parent";
    throw error;
  }
}
