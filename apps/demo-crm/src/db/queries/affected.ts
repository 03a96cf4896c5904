import type { EntityEvent } from "@crm/cache-core";
import type { CrmEntity } from "@crm/cache-rules";
import { eq, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn, AnyPgTable } from "drizzle-orm/pg-core";
import type { Database } from "../connect.ts";

/** What an entity's table has at least. */
export type EntityTable = AnyPgTable & Record<"id" | "version" | "updatedAt", AnyPgColumn>;

/** Rows of another entity that a write has changed along with its own. */
export interface Affected {
  readonly event: EntityEvent;
  readonly entity: CrmEntity;
  readonly ids: readonly string[];
}

/** Rows that refer to the one that is removed, and what becomes of them. */
export interface Reference {
  readonly entity: CrmEntity;
  readonly table: EntityTable;
  /** The property of the table that holds the id. */
  readonly column: string;
  readonly on: "delete" | "detach";
}

type Transaction = Pick<Database, "delete" | "update">;

/**
 * Lets go of what refers to a row. The database would do it by itself, but would not say which rows it has changed, and
 * what is cached of them has to go as well.
 */
export async function letGo(
  transaction: Transaction,
  id: string,
  references: readonly Reference[],
): Promise<Affected[]> {
  const affected: Affected[] = [];
  for (const { entity, table, column, on } of references) {
    const at = (table as unknown as Record<string, AnyPgColumn>)[column]!;
    const where = eq(at, id);
    const rows =
      on === "delete"
        ? await remove(transaction, table, where)
        : await detach(transaction, table, column, where);
    if (rows.length === 0) continue;
    const event = on === "delete" ? "entity:deleted" : "entity:updated";
    affected.push({ event, entity, ids: rows.map((row) => String(row.id)) });
  }
  return affected;
}

const remove = (transaction: Transaction, table: EntityTable, where: SQL) =>
  transaction.delete(table).where(where).returning({ id: table.id });

const detach = (transaction: Transaction, table: EntityTable, column: string, where: SQL) =>
  transaction
    .update(table)
    .set({ [column]: null, ...nextVersion(table) })
    .where(where)
    .returning({ id: table.id });

/** What every write sets beside its values. */
export const nextVersion = (table: EntityTable) => ({
  version: sql`${table.version} + 1`,
  updatedAt: sql`now()`,
});
