import { asc, sql } from "drizzle-orm";
import type { AnyPgTable } from "drizzle-orm/pg-core";
import { db } from "./connect.ts";
import { makeUpWork, type Work } from "./make-up-work.ts";
import {
  companies,
  contacts,
  deals,
  generationRuns,
  leads,
  milestones,
  projects,
  quoteCounters,
  quotes,
  tasks,
  users,
} from "./schema.ts";

/** Changes when what is made up does: a database that an earlier one has filled is left as it is. */
const GENERATOR = "work-1";
const GENERATION_LOCK = 7_236_003;
const BATCH_ROWS = 500;

// In this order, since later ones refer to earlier ones.
const TABLES: Readonly<Record<keyof Work, AnyPgTable>> = {
  contacts,
  leads,
  projects,
  milestones,
  tasks,
  quotes,
  quoteCounters,
};

/** Fills the entities that the source does not have, once: one transaction, all or nothing. Rows by table, or `null` when it was done. */
export async function generateWork(): Promise<Record<keyof Work, number> | null> {
  return db().transaction(async (transaction) => {
    // Two instances may start on one empty database: the second waits here and then finds the work done.
    await transaction.execute(sql`select pg_advisory_xact_lock(${GENERATION_LOCK})`);
    const [done] = await transaction.select().from(generationRuns).limit(1);
    if (done) return null;

    const work = makeUpWork({
      companies: await transaction.select().from(companies).orderBy(asc(companies.id)),
      users: await transaction.select().from(users).orderBy(asc(users.id)),
      deals: await transaction.select().from(deals).orderBy(asc(deals.id)),
    });
    for (const [name, table] of Object.entries(TABLES)) {
      const rows = work[name as keyof Work];
      for (let start = 0; start < rows.length; start += BATCH_ROWS)
        await transaction.insert(table).values(rows.slice(start, start + BATCH_ROWS) as never);
      await transaction.execute(sql`analyze ${table}`);
    }
    await transaction.insert(generationRuns).values({ generator: GENERATOR });
    const counts = Object.entries(work).map(([name, rows]) => [name, rows.length]);
    return Object.fromEntries(counts) as Record<keyof Work, number>;
  });
}
