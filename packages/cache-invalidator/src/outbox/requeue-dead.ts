import { InvalidOptionError } from "@crm/cache-core";
import type { OutboxConnection } from "./outbox-connection.ts";
import { type OutboxTableOptions, resolveOutboxTable } from "./outbox-table.ts";

/**
 * Puts rows of the dead back into the outbox, with all their tries before them. Resolves to how many there were. They get
 * new numbers; who wakes the relay is the insert, as always.
 *
 * @param ids numbers as in `row:dead`; without them all the dead
 * @throws InvalidOptionError, and what the client's query rejects with
 */
export async function requeueDead(
  client: Pick<OutboxConnection, "query">,
  ids?: readonly string[],
  options: OutboxTableOptions = {},
): Promise<number> {
  const { pending, dead } = resolveOutboxTable(options);
  if (typeof client?.query !== "function") {
    throw new InvalidOptionError({ option: "client", received: client, expected: "a client with query()" });
  }
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => /^\d{1,19}$/.test(String(id))))) {
    const expected = "an array of numbers of rows, as `row:dead` gives them";
    throw new InvalidOptionError({ option: "ids", received: ids, expected });
  }
  const { rows } = await client.query(
    `WITH back AS (
  DELETE FROM ${dead} WHERE $1::jsonb IS NULL OR id IN (SELECT value::bigint FROM jsonb_array_elements_text($1::jsonb))
  RETURNING *
), added AS (
  INSERT INTO ${pending} (event, entity_type, entity_id, data, actor, cause, created_at)
  SELECT event, entity_type, entity_id, data, actor, cause, created_at FROM back RETURNING 1
)
SELECT count(*)::text AS count FROM added`,
    [ids === undefined ? null : JSON.stringify(ids)],
  );
  return Number(rows[0]?.count);
}
