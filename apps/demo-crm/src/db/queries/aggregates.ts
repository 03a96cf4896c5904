import { track } from "@crm/cache-core";
import { count, eq, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { companies, DEAL_STAGES, type DealStage, deals, products, users } from "../schema.ts";

export interface PipelineStage {
  readonly stage: DealStage;
  readonly deals: number;
  readonly withoutCompany: number;
  /** Dollars: what closed deals brought. Open deals have no value in the data, so `null`. */
  readonly value: number | null;
  /** Dollars: the products of the deals at list price. */
  readonly listValue: number;
  readonly averageDaysToClose: number | null;
}

export interface SectorRevenue {
  readonly sector: string;
  readonly companies: number;
  readonly won: number;
  readonly lost: number;
  readonly revenue: number;
  readonly winRate: number | null;
}

export interface LeaderboardEntry {
  readonly rank: number;
  readonly userId: string;
  readonly name: string;
  readonly manager: string;
  readonly office: string;
  readonly won: number;
  readonly lost: number;
  readonly revenue: number;
  readonly winRate: number | null;
}

const won = sql`${deals.stage} = 'Won'`;
const lost = sql`${deals.stage} = 'Lost'`;
const wins = sql<number>`count(*) filter (where ${won})`.mapWith(Number);
const losses = sql<number>`count(*) filter (where ${lost})`.mapWith(Number);
const revenue = sql<number>`coalesce(sum(${deals.closeValue}) filter (where ${won}), 0)`.mapWith(Number);
const winRate = sql<number | null>`count(*) filter (where ${won})::float8
  / nullif(count(*) filter (where ${won} or ${lost}), 0)`.mapWith(Number);

// That figures of deals have moved is told by a rule on their keys: see services/figures.ts.
export const aggregateQueries = {
  async pipeline(): Promise<PipelineStage[]> {
    const rows = await db()
      .select({
        stage: deals.stage,
        deals: count(),
        withoutCompany: sql<number>`count(*) filter (where ${deals.companyId} is null)`.mapWith(Number),
        value: sql<number | null>`sum(${deals.closeValue})`.mapWith(Number),
        listValue: sql<number>`sum(${products.listPrice})`.mapWith(Number),
        averageDaysToClose: sql<number | null>`avg(${deals.closeDate} - ${deals.engageDate})::float8`.mapWith(
          Number,
        ),
      })
      .from(deals)
      .innerJoin(products, eq(products.id, deals.productId))
      .groupBy(deals.stage);
    return rows.sort((a, b) => DEAL_STAGES.indexOf(a.stage) - DEAL_STAGES.indexOf(b.stage));
  },

  async revenueBySector(): Promise<SectorRevenue[]> {
    track("sectors");
    return db()
      .select({
        sector: companies.sector,
        companies: sql<number>`count(distinct ${companies.id})`.mapWith(Number),
        won: wins,
        lost: losses,
        revenue,
        winRate,
      })
      .from(companies)
      .leftJoin(deals, eq(deals.companyId, companies.id))
      .groupBy(companies.sector)
      .orderBy(sql`${revenue} desc`, companies.sector);
  },

  /** The companies that brought most. For warming: nothing depends on it. */
  async topCompanyIds(limit: number): Promise<string[]> {
    const rows = await db()
      .select({ id: companies.id })
      .from(companies)
      .leftJoin(deals, eq(deals.companyId, companies.id))
      .groupBy(companies.id)
      .orderBy(sql`${revenue} desc`, companies.id)
      .limit(limit);
    return rows.map(({ id }) => id);
  },

  async leaderboard(): Promise<LeaderboardEntry[]> {
    track("users");
    return db()
      .select({
        rank: sql<number>`rank() over (order by coalesce(sum(${deals.closeValue}) filter (where ${won}), 0) desc)`.mapWith(
          Number,
        ),
        userId: users.id,
        name: users.name,
        manager: users.manager,
        office: users.office,
        won: wins,
        lost: losses,
        revenue,
        winRate,
      })
      .from(users)
      .leftJoin(deals, eq(deals.userId, users.id))
      .groupBy(users.id)
      .orderBy(sql`${revenue} desc`, users.name);
  },
};
