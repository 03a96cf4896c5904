import { track } from "@crm/cache-core";
import type { CrmEntity } from "@crm/cache-rules";
import { and, eq, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { db } from "../connect.ts";
import { type Affected, type EntityTable, letGo, nextVersion, type Reference } from "./affected.ts";
import type { Change } from "./change.ts";
import { type Page, type PageRequest, toPage } from "./page.ts";

export interface EntityRow {
  readonly id: string;
  readonly version: number;
}

/** Reads and writes of one entity. Reads record what they touch, for values that are cached while they run. */
export interface EntityQueries<Row extends EntityRow, Values, Filter> {
  findById(id: string): Promise<Row | null>;
  findAll(request: PageRequest, filter: Filter): Promise<Page<Row>>;
  create(values: Values): Promise<Row>;
  /**
   * Changes a row under its lock. `change` sees the row as it is and returns what to write; what it throws leaves the row
   * as it was. `null` when there is none.
   */
  update(id: string, change: (before: Row) => Change<Values>): Promise<{ before: Row; after: Row } | null>;
  /** The row that was, and what else has changed; `null` when there was none. */
  delete(id: string): Promise<{ row: Row; affected: Affected[] } | null>;
}

export interface EntityQueriesOptions<Filter> {
  readonly entity: CrmEntity;
  readonly table: EntityTable;
  readonly order: readonly (SQL | AnyPgColumn)[];
  where(filter: Filter): (SQL | undefined)[];
  newId(): string;
  /** What refers to a row of this entity. @default nothing */
  readonly references?: readonly Reference[] | undefined;
}

/**
 * The queries of an entity whose rows are shown as they are stored. drizzle cannot type a statement over a table that is a
 * parameter, so the row type is stated once, here, by the caller.
 */
export function createEntityQueries<Row extends EntityRow, Values extends object, Filter>(
  options: EntityQueriesOptions<Filter>,
): EntityQueries<Row, Values, Filter> {
  const { entity, table, order, where, newId, references = [] } = options;
  const select = () =>
    db()
      .select()
      .from(table as never);
  const asRows = (rows: unknown) => rows as Row[];

  return {
    async findById(id) {
      track(entity, id);
      const [row] = asRows(await select().where(eq(table.id, id)).limit(1));
      return row ?? null;
    },

    async findAll(request, filter) {
      track(entity);
      const matching = and(...where(filter));
      const rows = await select()
        .where(matching)
        .orderBy(...order)
        .limit(request.limit)
        .offset((request.page - 1) * request.limit);
      return toPage(asRows(rows), await db().$count(table as never, matching), request);
    },

    async create(values) {
      const rows = await db()
        .insert(table)
        .values({ id: newId(), ...values } as never)
        .returning();
      return asRows(rows)[0]!;
    },

    async update(id, change) {
      return db().transaction(async (transaction) => {
        const found = await transaction
          .select()
          .from(table as never)
          .where(eq(table.id, id))
          .for("update");
        const [before] = asRows(found);
        if (!before) return null;
        const rows = await transaction
          .update(table)
          .set({ ...change(before), ...nextVersion(table) } as never)
          .where(eq(table.id, id))
          .returning();
        return { before, after: asRows(rows)[0]! };
      });
    },

    async delete(id) {
      return db().transaction(async (transaction) => {
        const affected = await letGo(transaction, id, references);
        const [row] = asRows(await transaction.delete(table).where(eq(table.id, id)).returning());
        return row ? { row, affected } : null;
      });
    },
  };
}
