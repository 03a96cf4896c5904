import { track } from "@crm/cache-core";
import { asc, count, eq, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { deals, leads, projects, tasks, type User, users } from "../schema.ts";
import { type Affected, letGo, nextVersion, type Reference } from "./affected.ts";
import type { Change } from "./change.ts";
import { type Page, type PageRequest, toPage } from "./page.ts";

export type UserValues = Pick<User, "name" | "manager" | "office">;

export interface UserPerformance {
  readonly deals: number;
  readonly open: number;
  readonly won: number;
  readonly wonValue: number;
}

export const userQueries = {
  async findById(id: string): Promise<User | null> {
    track("users", id);
    const [user] = await db().select().from(users).where(eq(users.id, id)).limit(1);
    return user ?? null;
  },

  async findAll(request: PageRequest): Promise<Page<User>> {
    track("users");
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

  async update(id: string, values: Change<UserValues>): Promise<User | null> {
    const [user] = await db()
      .update(users)
      .set({ ...values, ...nextVersion(users) })
      .where(eq(users.id, id))
      .returning();
    return user ?? null;
  },

  /** `null` when the id is taken. */
  async create(id: string, values: UserValues): Promise<User | null> {
    const [user] = await db()
      .insert(users)
      .values({ id, ...values })
      .onConflictDoNothing()
      .returning();
    return user ?? null;
  },

  /** Refused, with their number, while the user has deals: each deal needs one. */
  async delete(id: string): Promise<{ row: User; affected: Affected[] } | null | { deals: number }> {
    return db().transaction(async (transaction) => {
      const [row] = await transaction.select().from(users).where(eq(users.id, id)).for("update");
      if (!row) return null;
      const [attached] = await transaction.select({ deals: count() }).from(deals).where(eq(deals.userId, id));
      if (attached!.deals > 0) return { deals: attached!.deals };
      const affected = await letGo(transaction, id, REFERENCES);
      await transaction.delete(users).where(eq(users.id, id));
      return { row, affected };
    });
  },
};

const REFERENCES: readonly Reference[] = [
  { entity: "leads", table: leads, column: "ownerId", on: "detach" },
  { entity: "projects", table: projects, column: "ownerId", on: "detach" },
  { entity: "tasks", table: tasks, column: "assigneeId", on: "detach" },
];
