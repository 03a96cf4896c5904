import type { Clock } from "@crm/cache-core";
import { MAX_BYTES, toPlain } from "../../internal/event-text.ts";
import type { OutboxConnection } from "../outbox-connection.ts";
import type { OutboxTable } from "../outbox-table.ts";
import type { OutboxRow } from "../relay-events.ts";

const COLUMNS = "event, entity_type, entity_id, data, actor, cause, created_at, attempts, due_at, last_error";

/** Asks the server; the relay's own wrapper that gives up after `queryTimeout`. */
export type Ask = OutboxConnection["query"];

/**
 * SQL of the present. Processes that share a database go by its clock. An embedded one belongs to this process, whose clock
 * also times the waiting: one clock for both.
 */
export function presentSql(shared: boolean, clock: Clock): string {
  return shared ? `'${new Date(clock.wall()).toISOString()}'::timestamptz` : "clock_timestamp()";
}

/** A row that failed. */
export interface FailedRow {
  readonly id: string;
  readonly delayMs: number;
  readonly counted: boolean;
  readonly error: string;
}

/**
 * The oldest rows that are due and that no other relay has in hand. There is no cursor: whatever is committed and still
 * there is found, in whatever order numbers were drawn and transactions committed.
 */
export async function claimRows(
  ask: Ask,
  { pending }: OutboxTable,
  limit: number,
  lock: boolean,
  now: string,
): Promise<OutboxRow[]> {
  const { rows } = await ask(
    `SELECT id::text AS id, event, entity_type, entity_id, data::text AS data, actor, cause, attempts::text AS attempts,
  greatest(0, extract(epoch FROM ${now} - created_at) * 1000)::text AS age_ms
FROM ${pending} WHERE due_at <= ${now} ORDER BY id LIMIT ${limit}${lock ? " FOR UPDATE SKIP LOCKED" : ""}`,
  );
  return rows.map(toRow);
}

function toRow(row: Record<string, unknown>): OutboxRow {
  const { data } = row as Record<string, string | null>;
  // Whoever writes plain SQL may have put anything there. It is for people, and must not keep the event from being applied.
  const actor = toPlain((row.actor as string | null) ?? "", MAX_BYTES.actor);
  const cause = toPlain((row.cause as string | null) ?? "", MAX_BYTES.cause);
  return {
    id: row.id as string,
    event: row.event as OutboxRow["event"],
    entityType: row.entity_type as string,
    entityId: row.entity_id as string,
    ...(data === null || data === undefined ? {} : { data: JSON.parse(data, exactNumber) as unknown }),
    ...(actor === undefined ? {} : { actor }),
    ...(cause === undefined ? {} : { cause }),
    attempts: Number(row.attempts),
    ageMs: Number(row.age_ms),
  };
}

/** Of a whole number that a double would round its text: rounded, the id of one is the id of another. */
function exactNumber(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return source !== undefined && /^-?\d+$/.test(source) ? source : value;
}

/** Takes delivered rows out, into the table that keeps them when there is to be one. */
export async function removeDelivered(
  ask: Ask,
  { pending, delivered }: OutboxTable,
  ids: readonly string[],
  keep: boolean,
): Promise<void> {
  const remove = `DELETE FROM ${pending} WHERE id IN (${IDS})`;
  await ask(keep ? move(remove, delivered) : remove, [JSON.stringify(ids)]);
}

/**
 * Puts rows aside that failed too often. A number that one of the dead has already, since the numbers began anew, gives way
 * to one behind them all.
 */
export async function buryRows(
  ask: Ask,
  { pending, dead }: OutboxTable,
  rows: readonly Pick<FailedRow, "id" | "error">[],
): Promise<void> {
  await ask(
    `WITH f AS (SELECT id, error FROM jsonb_to_recordset($1::jsonb) AS e(id bigint, error text)),
gone AS (DELETE FROM ${pending} p USING f WHERE p.id = f.id RETURNING p.*, f.error)
INSERT INTO ${dead} (id, ${COLUMNS})
SELECT CASE WHEN EXISTS (SELECT FROM ${dead} d WHERE d.id = gone.id)
    THEN greatest((SELECT max(id) FROM ${dead}), (SELECT max(id) FROM gone)) + row_number() OVER (ORDER BY id) ELSE id END,
  event, entity_type, entity_id, data, actor, cause, created_at, attempts + 1, due_at, error FROM gone`,
    [JSON.stringify(rows)],
  );
}

/** Notes failures, and when the rows are due again. */
export async function deferRows(
  ask: Ask,
  { pending }: OutboxTable,
  rows: readonly FailedRow[],
  now: string,
): Promise<void> {
  await ask(
    `UPDATE ${pending} AS p SET attempts = p.attempts + CASE WHEN e.counted THEN 1 ELSE 0 END,
  due_at = ${now} + e."delayMs" * interval '1 millisecond', last_error = e.error
FROM jsonb_to_recordset($1::jsonb) AS e(id bigint, "delayMs" float8, counted boolean, error text) WHERE p.id = e.id`,
    [JSON.stringify(rows)],
  );
}

/** Deletes delivered rows that were kept long enough, some at a time. */
export async function pruneDelivered(
  ask: Ask,
  { delivered }: OutboxTable,
  keepMs: number,
  now: string,
): Promise<void> {
  await ask(
    `DELETE FROM ${delivered} WHERE id IN (
  SELECT id FROM ${delivered} WHERE delivered_at < ${now} - ${keepMs} * interval '1 millisecond'
  ORDER BY delivered_at LIMIT 5000)`,
  );
}

/** Counts what waits, up to `limit`, and the age of the oldest. */
export async function measureBacklog(
  ask: Ask,
  { pending, dead }: OutboxTable,
  limit: number,
  now: string,
): Promise<{ readonly pending: number; readonly dead: number; readonly oldestAgeMs: number }> {
  const { rows } = await ask(`SELECT
  (SELECT count(*) FROM (SELECT 1 FROM ${pending} LIMIT ${limit}) AS p)::text AS pending,
  (SELECT count(*) FROM (SELECT 1 FROM ${dead} LIMIT ${limit}) AS d)::text AS dead,
  (SELECT greatest(0, extract(epoch FROM ${now} - created_at) * 1000)::text
    FROM ${pending} ORDER BY id LIMIT 1) AS age`);
  const row = rows[0] as Record<string, string | null>;
  return { pending: Number(row.pending), dead: Number(row.dead), oldestAgeMs: Number(row.age ?? 0) };
}

/**
 * Lies down to sleep. `asleep`: the lock is ours, so whoever writes from now on rings. `writers`: transactions that have
 * written are open, and will not ring. `other`: another relay sleeps, or is just trying; the bell is heard here too.
 */
export async function tryToSleep(
  ask: Ask,
  table: OutboxTable,
  shared: boolean,
): Promise<"asleep" | "writers" | "other"> {
  if (shared) {
    await ask("SELECT set_config('crm_cache_outbox.asleep', 'yes', false)");
    return "asleep";
  }
  // Evaluated in this order: a CASE with volatile conditions is not rearranged.
  const { rows } = await ask(`SELECT CASE
  WHEN pg_try_advisory_lock(${table.bellKey}) THEN 'asleep'
  WHEN pg_try_advisory_lock_shared(${table.bellKey})
    THEN CASE WHEN pg_advisory_unlock_shared(${table.bellKey}) THEN 'writers' END
  ELSE 'other' END AS state`);
  return rows[0]?.state as "asleep" | "writers" | "other";
}

/** Gets up: nobody needs to ring until the next sleep. */
export async function getUp(ask: Ask, table: OutboxTable, shared: boolean): Promise<void> {
  if (shared) await ask("SELECT set_config('crm_cache_outbox.asleep', 'no', false)");
  else await ask(`SELECT pg_advisory_unlock(${table.bellKey})`);
}

const IDS = "SELECT value::bigint FROM jsonb_array_elements_text($1::jsonb)";

function move(remove: string, into: string): string {
  return `WITH gone AS (${remove} RETURNING *)
INSERT INTO ${into} (id, ${COLUMNS}) SELECT id, ${COLUMNS} FROM gone ON CONFLICT (id) DO NOTHING`;
}
