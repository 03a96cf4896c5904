import type { QueryClient } from "./enqueue.ts";

/** What of drizzle's `sql` is needed: the template tag and its `raw`. */
export interface DrizzleSql<Statement> {
  (strings: TemplateStringsArray, ...values: unknown[]): Statement;
  raw(text: string): unknown;
}

/**
 * A transaction of drizzle as the client that `enqueue` takes.
 *
 * @example
 * ```ts
 * await db.transaction(async (tx) => {
 *   await tx.update(companies).set({ name }).where(eq(companies.id, id));
 *   await enqueue(drizzleQuery(tx, sql), { event: "entity:updated", entityType: "companies", entityId: id });
 * });
 * ```
 */
export function drizzleQuery<Statement>(
  tx: { execute(statement: Statement): PromiseLike<unknown> },
  sql: DrizzleSql<Statement>,
): QueryClient {
  return {
    async query(text, params) {
      // "a $1 b $2 c" is the texts a, b, c with a value between each two, which is what a template tag is called with.
      const pieces = text.split(/\$(\d+)/);
      const values = pieces.map((piece, i) => (i % 2 === 0 ? sql.raw(piece) : params[Number(piece) - 1]));
      const strings = Array<string>(values.length + 1).fill("");
      return tx.execute(sql(Object.assign(strings, { raw: strings }), ...values));
    },
  };
}
