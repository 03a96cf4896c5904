import { checkOptionNames, InvalidOptionError, type OptionNames } from "@crm/cache-core";
import { MAX_BYTES } from "../internal/event-text.ts";
import {
  MIGRATION_LOCK,
  type OutboxTableOptions,
  resolveOutboxTable,
  TABLE_OPTIONS,
} from "./outbox-table.ts";

/** What {@link outboxTrigger} takes. */
export interface OutboxTriggerOptions {
  /**
   * The watched table, with its schema when that is not `public`: `companies`, `sales.deals`. Capitals count (`Deal`). 1 to
   * 44 of `A-Z a-z 0-9 _`, fewer where the outbox has a longer name; columns 1 to 63 of them.
   */
  readonly on: string;
  /** Name of the entity as the rules know it. @default the name of the table without its schema */
  readonly entityType?: string | undefined;
  /**
   * The column that holds the entity's id. A row without one, or with one that no event can carry ('', control characters,
   * more than 512 bytes), is told as `-`: its lists go.
   *
   * @default "id"
   */
  readonly idColumn?: string | undefined;
  /**
   * Columns that go into `data`, for rules that map ids: `["company_id"]`. An update that changes one of them is told
   * twice, with the old values and with the new ones: both companies are affected. 50 at most.
   *
   * @default []
   */
  readonly dataColumns?: readonly string[] | undefined;
  /** Where the outbox lies. @default public.cache_outbox */
  readonly outbox?: OutboxTableOptions | undefined;
}

const OPTIONS: OptionNames<OutboxTriggerOptions> = {
  ...{ on: true, entityType: true, idColumn: true, dataColumns: true, outbox: true },
};
/** What a function of PostgreSQL takes is a hundred arguments, two of them a column. */
const MAX_COLUMNS = 50;
const MAX_NAME = 63;
/** Not empty, and without control characters. */
const PLAIN = "^[^\\u0001-\\u001F\\u007F-\\u009F]+$";

/**
 * The SQL of triggers that write into the outbox whatever anybody does to a table: psql, another service, `COPY`, a
 * cascade, `TRUNCATE`. One statement for any client; it may be repeated, by several processes at once, and replaces what it made
 * before. A statement of
 * many rows adds all its events at once. Of a partitioned table they see what is done through it; what is done to a
 * partition, or to a table that inherits, needs triggers there as well, with the same `entityType`: nothing is told twice.
 * A `TRUNCATE` is told once more, as `-`: it takes rows too that its snapshot, or a policy, keeps the trigger from seeing.
 *
 * `actor` is the setting `cache_outbox.actor` (`SET LOCAL cache_outbox.actor = 'anna'`), else the database user.
 * Do not `enqueue` for the same table as well: every change would be told twice.
 *
 * @throws InvalidOptionError
 */
export function outboxTrigger(options: OutboxTriggerOptions): string {
  if (typeof options !== "object" || options === null) {
    const expected = "an object with `on`, the table to watch";
    throw new InvalidOptionError({ option: "options", received: options, expected });
  }
  checkOptionNames(options, OPTIONS);
  const { pending, table: outbox } = resolveOutboxTable(options.outbox, TABLE_OPTIONS, "outbox.");
  const name = `${outbox}_watch`;
  const [schema, table] = splitName(options.on, MAX_NAME - `_${name}`.length);
  const entityType = checkEntityType(options.entityType ?? table);
  const id = checkName(options.idColumn ?? "id", "idColumn");
  const { dataColumns: columns = [] } = options;
  if (!Array.isArray(columns) || columns.length > MAX_COLUMNS) {
    const expected = `an array of at most ${MAX_COLUMNS} names of columns`;
    throw new InvalidOptionError({ option: "dataColumns", received: columns, expected });
  }
  const dataColumns = columns.map((column, i) => checkName(column, `dataColumns[${i}]`));
  const data =
    dataColumns.length === 0
      ? "NULL::jsonb"
      : `pg_catalog.jsonb_build_object(${dataColumns.map((column) => `'${column}', r."${column}"`).join(", ")})`;
  // Qualified and in quotes: a column may be called as a variable is, or as something that SQL has.
  const text = `r."${id}"::text`;
  const row = `CASE WHEN octet_length(${text}) <= ${MAX_BYTES.entityId} AND ${text} ~ '${PLAIN}' THEN ${text} ELSE '-' END AS id, ${data} AS data`;
  const watched = `"${schema}"."${table}"`;
  const watch = `"${schema}"."${table}_${name}"()`;
  const call = `EXECUTE FUNCTION ${watch}`;

  // One at a time: processes that start together would change the same rows of the catalogue.
  return `DO $migration$
BEGIN
  PERFORM ${MIGRATION_LOCK};
  CREATE OR REPLACE FUNCTION ${watch} RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $watch$
  DECLARE
    by_whom text := coalesce(nullif(current_setting('cache_outbox.actor', true), ''), session_user);
    via text := 'trigger ' || TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME;
  BEGIN
    IF TG_OP = 'INSERT' THEN
      INSERT INTO ${pending} (event, entity_type, entity_id, data, actor, cause)
      SELECT 'entity:created', '${entityType}', id, data, by_whom, via FROM (SELECT ${row} FROM new_rows AS r) AS changed;
    ELSIF TG_OP = 'UPDATE' THEN
      INSERT INTO ${pending} (event, entity_type, entity_id, data, actor, cause)
      SELECT 'entity:updated', '${entityType}', id, data, by_whom, via
      FROM (SELECT ${row} FROM new_rows AS r UNION SELECT ${row} FROM old_rows AS r) AS changed;
    ELSIF TG_OP = 'DELETE' THEN
      INSERT INTO ${pending} (event, entity_type, entity_id, data, actor, cause)
      SELECT 'entity:deleted', '${entityType}', id, data, by_whom, via FROM (SELECT ${row} FROM old_rows AS r) AS changed;
    ELSE
      -- Rows may go that cannot be seen here: behind an old snapshot, or a policy. So the whole is told as well.
      INSERT INTO ${pending} (event, entity_type, entity_id, data, actor, cause)
      SELECT 'entity:deleted', '${entityType}', id, data, by_whom, via
      FROM (SELECT ${row} FROM ${watched} AS r UNION SELECT '-', NULL::jsonb) AS changed;
    END IF;
    RETURN NULL;
  END
  $watch$;
  CREATE OR REPLACE TRIGGER ${name}_insert AFTER INSERT ON ${watched}
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT ${call};
  CREATE OR REPLACE TRIGGER ${name}_update AFTER UPDATE ON ${watched}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT ${call};
  CREATE OR REPLACE TRIGGER ${name}_delete AFTER DELETE ON ${watched}
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT ${call};
  CREATE OR REPLACE TRIGGER ${name}_truncate BEFORE TRUNCATE ON ${watched}
    FOR EACH STATEMENT ${call};
END
$migration$`;
}

function splitName(value: unknown, maxLength: number): [schema: string, table: string] {
  const parts = typeof value === "string" ? value.split(".") : [];
  if (parts.length === 1) return ["public", checkName(parts[0], "on", maxLength)];
  if (parts.length === 2) return [checkName(parts[0], "on"), checkName(parts[1], "on", maxLength)];
  throw new InvalidOptionError({
    option: "on",
    received: value,
    expected: "the name of a table, such as sales.deals",
  });
}

/** It stands between quotes, as an identifier and as a literal, and cannot end them. */
function checkName(value: unknown, option: string, maxLength: number = MAX_NAME): string {
  if (typeof value === "string" && value.length <= maxLength && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value))
    return value;
  throw new InvalidOptionError({
    option,
    received: value,
    expected: `a name of 1 to ${maxLength} of A-Z, a-z, 0-9 and _, not beginning with a digit`,
  });
}

/** It stands in a literal, inside a body between dollars: neither quotes nor dollars, nor a backslash. */
function checkEntityType(value: unknown): string {
  if (typeof value === "string" && /^[\w:.-]{1,128}$/.test(value)) return value;
  throw new InvalidOptionError({
    option: "entityType",
    received: value,
    expected: "1 to 128 letters, digits and _ : . -",
  });
}
