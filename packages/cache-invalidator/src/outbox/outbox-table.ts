import { checkOptionNames, InvalidOptionError, type OptionNames } from "@crm/cache-core";

/** Where the outbox lies. The same for the migration, `enqueue`, the triggers and the relay. */
export interface OutboxTableOptions {
  /** Schema of the tables; it must exist. 1 to 28 of `a-z 0-9 _`, not beginning with a digit. @default "public" */
  readonly schema?: string | undefined;
  /**
   * Name of the table; others are named after it (`<table>_dead`, `<table>_delivered`). 1 to 28 of `a-z 0-9 _`, not
   * beginning with a digit.
   *
   * @default "cache_outbox"
   */
  readonly table?: string | undefined;
}

/** The names that follow from the options. All are safe in SQL without quotes, but for the channel. */
export interface OutboxTable {
  readonly schema: string;
  readonly table: string;
  readonly pending: string;
  readonly dead: string;
  readonly delivered: string;
  /** Channel of the wake-ups: `public.cache_outbox`. */
  readonly channel: string;
  /** SQL of the advisory lock that a relay holds while it sleeps. */
  readonly bellKey: string;
}

/** SQL that lets one session at a time make tables and triggers, until its transaction ends. */
export const MIGRATION_LOCK =
  "pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('crm-cache-outbox-migration', 0))";

/** Short, since names are made from it that PostgreSQL would silently cut at 63 bytes. */
const MAX_LENGTH = 28;

/** Options by name, for those who take more than these. */
export const TABLE_OPTIONS: OptionNames<OutboxTableOptions> = { schema: true, table: true };

/**
 * Checks the names.
 *
 * @param known the names of all options, where there are more
 * @param where what stands before them in an error
 * @throws InvalidOptionError
 */
export function resolveOutboxTable(
  options: OutboxTableOptions = {},
  known: Readonly<Record<string, true>> = TABLE_OPTIONS,
  where: string = "",
): OutboxTable {
  if (typeof options !== "object" || options === null) {
    const expected = "an object with `schema` and `table`";
    throw new InvalidOptionError({ option: "options", received: options, expected });
  }
  checkOptionNames(options, known, where);
  const schema = checkIdentifier(options.schema ?? "public", "schema");
  const table = checkIdentifier(options.table ?? "cache_outbox", "table");
  const pending = `${schema}.${table}`;
  return {
    schema,
    table,
    pending,
    dead: `${pending}_dead`,
    delivered: `${pending}_delivered`,
    channel: pending,
    bellKey: `pg_catalog.hashtextextended('crm-cache-outbox:${pending}', 0)`,
  };
}

/**
 * An identifier that needs no quotes and so cannot smuggle any in.
 *
 * @throws InvalidOptionError
 */
function checkIdentifier(value: unknown, option: string): string {
  if (typeof value === "string" && value.length <= MAX_LENGTH && /^[a-z_][a-z0-9_]*$/.test(value))
    return value;
  throw new InvalidOptionError({
    option,
    received: value,
    expected: `an SQL identifier of 1 to ${MAX_LENGTH} of a-z, 0-9 and _, not beginning with a digit`,
  });
}
