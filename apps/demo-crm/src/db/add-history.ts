import { sql } from "drizzle-orm";
import { db } from "./connect.ts";
import { deals } from "./schema.ts";

/** Months that the deals of the source span, so that one period follows the other. */
const PERIOD_MONTHS = 15;

/**
 * Earlier business, for measurements: so many copies of the closed deals, each moved back by the months that the source spans. Companies, users
 * and products stay, and nothing is open twice. The ids end in `-h1`, `-h2`, …; what is there already is left. Resolves to the number of
 * all deals.
 */
export async function addHistory(periods: number): Promise<number> {
  if (!Number.isInteger(periods) || periods < 0 || periods > 100)
    throw new RangeError(`Expected a whole number of periods from 0 to 100, got ${periods}`);
  if (periods > 0) {
    await db().execute(sql`
      insert into deals (id, user_id, product_id, product_raw, company_id, stage, engage_date, close_date, close_value)
      select d.id || '-h' || n, d.user_id, d.product_id, d.product_raw, d.company_id, d.stage,
        d.engage_date - make_interval(months => ${PERIOD_MONTHS} * n), d.close_date - make_interval(months => ${PERIOD_MONTHS} * n), d.close_value
      from deals d, generate_series(1, ${periods}::int) n
      where d.stage in ('Won', 'Lost') and d.id !~ '-h[0-9]+$'
      on conflict do nothing`);
    await db().execute(sql`vacuum analyze ${deals}`);
  }
  return db().$count(deals);
}
