import { track } from "@crm/cache-core";
import { and, asc, count, eq, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { companies, type Deal, type DealStage, deals, products, projects, quotes, users } from "../schema.ts";
import { type Affected, letGo, nextVersion, type Reference } from "./affected.ts";
import type { Change } from "./change.ts";
import { type Page, type PageRequest, toPage } from "./page.ts";

export interface DealFilter {
  readonly stage?: DealStage | undefined;
  readonly company?: string | undefined;
  readonly user?: string | undefined;
}

/** A deal as it is shown: with the names behind its ids. */
export interface DealView extends Deal {
  readonly company: string | null;
  readonly user: string;
  readonly product: string;
}

export type NewDealValues = DealValues & Pick<Deal, "userId" | "productId">;

export type DealValues = Pick<Deal, "stage" | "engageDate" | "closeDate" | "closeValue" | "companyId">;

export const dealQueries = {
  async findById(id: string): Promise<DealView | null> {
    track("deals", id);
    const [row] = await selectDeals().where(eq(deals.id, id)).limit(1);
    return row ? view(row) : null;
  },

  async findAll(request: PageRequest, filter: DealFilter): Promise<Page<DealView>> {
    track("deals");
    const where = and(
      filter.stage === undefined ? undefined : eq(deals.stage, filter.stage),
      filter.company === undefined ? undefined : eq(deals.companyId, filter.company),
      filter.user === undefined ? undefined : eq(deals.userId, filter.user),
    );
    const rows = await selectDeals()
      .where(where)
      .orderBy(sql`${deals.engageDate} desc nulls last`, asc(deals.id))
      .limit(request.limit)
      .offset((request.page - 1) * request.limit);
    const [all] = await db().select({ total: count() }).from(deals).where(where);
    return toPage(rows.map(view), all?.total ?? 0, request);
  },

  /**
   * Changes a deal under its row lock. `change` sees the row as it is and returns what to write, so that rules that
   * span fields are checked against what is really stored. What it throws leaves the row as it was.
   */
  async update(
    id: string,
    change: (before: Deal) => Change<DealValues>,
  ): Promise<{ before: Deal; after: Deal } | null> {
    return db().transaction(async (transaction) => {
      const [before] = await transaction.select().from(deals).where(eq(deals.id, id)).for("update");
      if (!before) return null;
      const [after] = await transaction
        .update(deals)
        .set({ ...change(before), ...nextVersion(deals) })
        .where(eq(deals.id, id))
        .returning();
      return { before, after: after! };
    });
  },

  async create(id: string, values: NewDealValues): Promise<Deal> {
    const [deal] = await db()
      .insert(deals)
      .values({ id, ...values })
      .returning();
    return deal!;
  },

  async delete(id: string): Promise<{ row: Deal; affected: Affected[] } | null> {
    return db().transaction(async (transaction) => {
      const affected = await letGo(transaction, id, REFERENCES);
      const [row] = await transaction.delete(deals).where(eq(deals.id, id)).returning();
      return row ? { row, affected } : null;
    });
  },
};

const REFERENCES: readonly Reference[] = [
  { entity: "quotes", table: quotes, column: "dealId", on: "delete" },
  { entity: "projects", table: projects, column: "dealId", on: "detach" },
];

function selectDeals() {
  return db()
    .select({ deal: deals, company: companies.name, user: users.name, product: products.name })
    .from(deals)
    .innerJoin(users, eq(users.id, deals.userId))
    .innerJoin(products, eq(products.id, deals.productId))
    .leftJoin(companies, eq(companies.id, deals.companyId))
    .$dynamic();
}

/** It shows the names of its company and its user, so it goes when either changes. Both are known only now. */
function view(row: { deal: Deal; company: string | null; user: string; product: string }): DealView {
  track("users", row.deal.userId);
  if (row.deal.companyId) track("companies", row.deal.companyId);
  return { ...row.deal, company: row.company, user: row.user, product: row.product };
}
