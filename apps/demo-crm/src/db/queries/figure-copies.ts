import { and, eq, gte, or, type SQL, sql } from "drizzle-orm";
import { db } from "../connect.ts";
import { figureCopies, figuresVersion } from "../schema.ts";

/** Who writes counts and acknowledges sooner. One who takes longer has died meanwhile, or was another program. */
const ACKNOWLEDGED_WITHIN = sql`interval '2 seconds'`;

const isCurrent = eq(figureCopies.version, figuresVersion.version);
const isAcknowledged = and(
  gte(figureCopies.version, figuresVersion.acknowledged),
  sql`clock_timestamp() - ${figuresVersion.movedAt} < ${ACKNOWLEDGED_WITHIN}`,
);

async function find<T>(figure: string, condition: SQL | undefined): Promise<T | undefined> {
  const [copy] = await db()
    .select({ rows: figureCopies.rows })
    .from(figureCopies)
    .innerJoin(figuresVersion, condition)
    .where(eq(figureCopies.figure, figure));
  return copy?.rows as T | undefined;
}

/**
 * Figures as they were counted last, with the version of the data that they were counted from.
 *
 * A write that moves figures goes through three steps: it commits, which raises the version; it counts, and keeps copies of the new version; it
 * is acknowledged, here first and then to the client. So a copy of at least the acknowledged version has everything that anybody was
 * told of.
 */
export const figureCopyQueries = {
  /** It grows with every committed write that may have moved a figure. */
  async version(): Promise<number> {
    const [row] = await db().select().from(figuresVersion);
    return row!.version;
  },

  /** As the queries would count it now; `undefined` when something has moved since. One statement, so one state. */
  findCurrent: <T>(figure: string): Promise<T | undefined> => find<T>(figure, isCurrent),

  /**
   * With every write that was acknowledged, and every committed one but for the last two seconds. As readers of a cache see it, for whom
   * nothing is newer either; not to be put into one, for that would outlast the acknowledgement.
   */
  findAcknowledged: <T>(figure: string): Promise<T | undefined> =>
    find<T>(figure, or(isCurrent, isAcknowledged)),

  /** `version` is what stood before the count began: the count may know of more, and never of less. */
  async keep(figure: string, version: number, rows: object): Promise<void> {
    await db()
      .insert(figureCopies)
      .values({ figure, version, rows })
      .onConflictDoUpdate({
        target: figureCopies.figure,
        set: { version, rows },
        setWhere: sql`${figureCopies.version} < ${version}`,
      });
  },

  /** From now on no copy is found that lacks what is committed by now. */
  async acknowledge(): Promise<void> {
    await db()
      .update(figuresVersion)
      .set({ acknowledged: sql`${figuresVersion.version}` })
      .where(sql`${figuresVersion.acknowledged} < ${figuresVersion.version}`);
  },
};
