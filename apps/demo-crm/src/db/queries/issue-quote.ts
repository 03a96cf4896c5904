import { eq, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { quoteNumber } from "../make-up-work.ts";
import { type Quote, quoteCounters, quotes } from "../schema.ts";
import { nextVersion } from "./affected.ts";

/**
 * Gives a draft the next number of its year, in one transaction with the counter, so that a number is neither lost nor given
 * twice. `"stale"`: somebody with a later fence was here; this caller has lost its lock and must not go on.
 */
export async function issueQuote(
  id: string,
  { on, fence }: { on: string; fence: number },
): Promise<Quote | "missing" | "issued" | "stale"> {
  return db().transaction(async (transaction) => {
    const [quote] = await transaction.select().from(quotes).where(eq(quotes.id, id)).for("update");
    if (!quote) return "missing";
    if (quote.number !== null) return "issued";
    const year = Number(on.slice(0, 4));
    const [counter] = await transaction
      .insert(quoteCounters)
      .values({ year, last: 1, fence })
      .onConflictDoUpdate({
        target: quoteCounters.year,
        set: { last: sql`${quoteCounters.last} + 1`, fence },
        setWhere: sql`${quoteCounters.fence} <= ${fence}`,
      })
      .returning();
    if (!counter) return "stale";
    const [issued] = await transaction
      .update(quotes)
      .set({
        status: "issued",
        number: quoteNumber(year, counter.last),
        issuedOn: on,
        ...nextVersion(quotes),
      })
      .where(eq(quotes.id, id))
      .returning();
    return issued!;
  });
}
