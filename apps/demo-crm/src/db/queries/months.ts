import { track } from "@crm/cache-core";
import { desc, isNotNull, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { type ClosedMonth, closedMonths, deals } from "../schema.ts";

export const monthQueries = {
  async findClosed(): Promise<ClosedMonth[]> {
    track("months");
    return db().select().from(closedMonths).orderBy(desc(closedMonths.month)).limit(120);
  },

  /** The months in which deals were closed: those that somebody may close. */
  async findMonths(): Promise<string[]> {
    const rows = await db()
      .selectDistinct({ month: sql<string>`to_char(${deals.closeDate}, 'YYYY-MM')` })
      .from(deals)
      .where(isNotNull(deals.closeDate));
    return rows.map(({ month }) => month).sort();
  },

  /** Counts the month's deals and writes the result, once; `null` when it was closed before. */
  async close(month: string, by: { userId: string; fence: number }): Promise<ClosedMonth | null> {
    return db().transaction(async (transaction) => {
      const [figures] = await transaction
        .select({
          won: sql<number>`count(*) filter (where ${deals.stage} = 'Won')`.mapWith(Number),
          lost: sql<number>`count(*) filter (where ${deals.stage} = 'Lost')`.mapWith(Number),
          revenue:
            sql<number>`coalesce(sum(${deals.closeValue}) filter (where ${deals.stage} = 'Won'), 0)`.mapWith(
              Number,
            ),
        })
        .from(deals)
        .where(sql`to_char(${deals.closeDate}, 'YYYY-MM') = ${month}`);
      const [closed] = await transaction
        .insert(closedMonths)
        .values({ month, ...figures!, closedBy: by.userId, fence: by.fence })
        .onConflictDoNothing()
        .returning();
      return closed ?? null;
    });
  },
};
