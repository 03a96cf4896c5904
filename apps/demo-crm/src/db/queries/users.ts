import { asc, count, eq, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { deals, type User, users } from "../schema.ts";
import type { Change } from "./change.ts";
import { type Page, type PageRequest, toPage } from "./page.ts";

export interface UserPerformance {
  readonly deals: number;
  readonly open: number;
  readonly won: number;
  readonly wonValue: number;
}

export const userQueries = {
  async findById(id: string): Promise<User | null> {
    const [user] = await db().select().from(users).where(eq(users.id, id)).limit(1);
    return user ?? null;
  },

  async findAll(request: PageRequest): Promise<Page<User>> {
    const items = await db()
      .select()
      .from(users)
      .orderBy(asc(users.name), asc(users.id))
      .limit(request.limit)
      .offset((request.page - 1) * request.limit);
    const [all] = await db().select({ total: count() }).from(users);
    return toPage(items, all?.total ?? 0, request);
  },

  async summarizeDeals(id: string): Promise<UserPerformance> {
    const won = sql`${deals.stage} = 'Won'`;
    const [row] = await db()
      .select({
        deals: count(),
        open: sql<number>`count(*) filter (where ${deals.closeDate} is null)`.mapWith(Number),
        won: sql<number>`count(*) filter (where ${won})`.mapWith(Number),
        wonValue: sql<number>`coalesce(sum(${deals.closeValue}) filter (where ${won}), 0)`.mapWith(Number),
      })
      .from(deals)
      .where(eq(deals.userId, id));
    return row!;
  },

  async update(id: string, values: Change<Pick<User, "manager" | "office">>): Promise<User | null> {
    const [user] = await db()
      .update(users)
      .set({ ...values, version: sql`${users.version} + 1`, updatedAt: sql`now()` })
      .where(eq(users.id, id))
      .returning();
    return user ?? null;
  },
};
