import { checkOptionNames, InvalidOptionError, type OptionNames } from "@crm/cache-core";
import { StaleFenceError } from "./errors.ts";
import { checkLockName, checkObject } from "./options.ts";

/** What the guard asks of a client: `pg`, PGlite, or anything with `query(text, values)`. */
export interface PostgresQueryable {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Where the guard keeps the highest fence of each resource. */
export interface PostgresGuardOptions {
  /** Table of fences, with a schema if need be. @default "lock_fences" */
  table?: string | undefined;
}

/** Refuses holders of a lock that was lost, in Postgres, where their writes would land. */
export interface PostgresGuard {
  /** DDL of the table; run it in a migration. Safe to run again. */
  readonly schema: string;
  /**
   * Notes the fence of a resource, or rejects with `StaleFenceError` when a higher one was seen. Run it first in the
   * transaction that does the work: the row stays locked until it ends, so a later holder waits, and an earlier one is
   * refused.
   */
  check(transaction: PostgresQueryable, resource: string, fence: number): Promise<void>;
}

const OPTIONS: OptionNames<PostgresGuardOptions> = { table: true };
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/;

/** Makes a guard that compares fences in a table of yours. Sends nothing yet. @throws InvalidOptionError */
export function postgresGuard(options: PostgresGuardOptions = {}): PostgresGuard {
  checkObject(options);
  checkOptionNames(options, OPTIONS);
  const table = quote("table", options.table ?? "lock_fences");
  const upsert =
    `INSERT INTO ${table} AS seen (resource, fence) VALUES ($1, $2::bigint) ON CONFLICT (resource) ` +
    "DO UPDATE SET fence = EXCLUDED.fence WHERE seen.fence <= EXCLUDED.fence RETURNING 1";
  return {
    schema: `CREATE TABLE IF NOT EXISTS ${table} (resource text PRIMARY KEY, fence bigint NOT NULL)`,
    async check(transaction, resource, fence) {
      checkLockName(resource, "resource");
      const { rows } = await transaction.query(upsert, [resource, String(checkFence(fence))]);
      if (rows.length === 0) throw new StaleFenceError(resource, fence);
    },
  };
}

/**
 * The condition of a conditional update, for a table whose rows have a column for the fence (`bigint NOT NULL DEFAULT 0`):
 *
 * ```ts
 * `UPDATE invoices SET state = $1, fence = $2 WHERE id = $3 AND ${fenceCondition("fence", 2)}`
 * ```
 * No row was updated: either there is none with that id, or the holder is stale. Throws `InvalidOptionError`.
 *
 * @param column name of the column, with table and schema if need be
 * @param parameter number of the query parameter that is the fence
 */
export function fenceCondition(column: string, parameter: number): string {
  const name = quote("column", column);
  if (!Number.isInteger(parameter) || parameter < 1 || parameter > 65_535) {
    throw new InvalidOptionError({
      option: "parameter",
      received: parameter,
      expected: "a whole number from 1 to 65535",
    });
  }
  return `${name} <= $${parameter}::bigint`;
}

/** A name goes into SQL text, so it must be one: nothing is escaped into shape. */
function quote(option: string, name: unknown): string {
  const parts = typeof name === "string" ? name.split(".") : [];
  if (parts.length < 1 || parts.length > 3 || !parts.every((part) => IDENTIFIER.test(part))) {
    const expected = "a name of letters, digits, _ and $, with a schema before it if need be";
    throw new InvalidOptionError({ option, received: name, expected });
  }
  return parts.map((part) => `"${part}"`).join(".");
}

/** @throws InvalidOptionError */
export function checkFence(fence: unknown): number {
  if (Number.isSafeInteger(fence) && (fence as number) > 0) return fence as number;
  throw new InvalidOptionError({ option: "fence", received: fence, expected: "the `fence` of a lock" });
}
