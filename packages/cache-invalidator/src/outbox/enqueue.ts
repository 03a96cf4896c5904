import { InvalidOptionError } from "@crm/cache-core";
import { isPlain, MAX_BYTES } from "../internal/event-text.ts";
import { InvalidOutboxEventError } from "./errors.ts";
import type { EntityEvent } from "./invalidation-target.ts";
import { type OutboxTableOptions, resolveOutboxTable } from "./outbox-table.ts";

/** Whatever runs a parameterized query: a client of pg inside its transaction, a transaction of PGlite. */
export interface QueryClient {
  query(text: string, params: unknown[]): Promise<unknown>;
}

const EVENTS: ReadonlySet<unknown> = new Set(["entity:created", "entity:updated", "entity:deleted"]);
/** Longest `data`, in UTF-16 units of its JSON: it says which keys to remove, it does not carry the entity. */
const MAX_DATA_LENGTH = 65_536;

/**
 * Writes events into the outbox in the caller's own transaction: they are delivered after its commit, and not at all
 * after a rollback. One statement for any number of events. Without a transaction it is committed at once.
 *
 * @param tx the client or transaction that the application's own write goes through
 * @throws InvalidOutboxEventError before anything is sent, so the transaction is not aborted by it; InvalidOptionError
 *
 * @example
 * ```ts
 * await client.query("BEGIN");
 * await client.query("UPDATE companies SET name = $1 WHERE id = $2", [name, id]);
 * await enqueue(client, { event: "entity:updated", entityType: "companies", entityId: id });
 * await client.query("COMMIT");
 * ```
 */
export async function enqueue(
  tx: QueryClient,
  events: EntityEvent | readonly EntityEvent[],
  options: OutboxTableOptions = {},
): Promise<void> {
  const { pending } = resolveOutboxTable(options);
  if (typeof tx?.query !== "function") {
    throw new InvalidOptionError({
      option: "tx",
      received: tx,
      expected: "a client or a transaction with query()",
    });
  }
  const list = Array.isArray(events) ? (events as readonly EntityEvent[]) : [events as EntityEvent];
  const rows = list.map((event, i) => checkEvent(event, Array.isArray(events) ? `events[${i}]` : "event"));
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO ${pending} (event, entity_type, entity_id, data, actor, cause)
SELECT e.event, e.entity_type, e.entity_id, e.data, e.actor, e.cause
FROM pg_catalog.jsonb_to_recordset($1::jsonb)
  AS e(event text, entity_type text, entity_id text, data jsonb, actor text, cause text)`,
    [JSON.stringify(rows)],
  );
}

/** An event as the row that stands for it. */
function checkEvent(event: EntityEvent, path: string): Record<string, unknown> {
  if (typeof event !== "object" || event === null) refuse(path, "an event of an entity", event);
  if (!EVENTS.has(event.event)) {
    refuse(`${path}.event`, "entity:created, entity:updated or entity:deleted", event.event);
  }
  return {
    event: event.event,
    entity_type: checkText(event, "entityType", path),
    entity_id: checkText(event, "entityId", path),
    ...(event.data === undefined ? {} : { data: checkData(event.data, `${path}.data`) }),
    ...(event.actor === undefined ? {} : { actor: checkText(event, "actor", path) }),
    ...(event.cause === undefined ? {} : { cause: checkText(event, "cause", path) }),
  };
}

/** As the invalidator will: what it refuses would be put aside when the transaction is long over. */
function checkText(event: EntityEvent, field: keyof typeof MAX_BYTES, path: string): string {
  const [value, maxBytes] = [event[field], MAX_BYTES[field]];
  if (isPlain(value, maxBytes)) return value;
  return refuse(
    `${path}.${field}`,
    `a non-empty string of at most ${maxBytes} bytes without control characters`,
    value,
  );
}

/** JSON that PostgreSQL takes: what its `jsonb` refuses would abort the application's transaction. */
function checkData(value: unknown, path: string): unknown {
  let json: string | undefined;
  try {
    json = JSON.stringify(value, (key, each: unknown) => {
      if (!isStorable(key) || (typeof each === "string" && !isStorable(each)))
        throw new Error("not storable");
      return each;
    });
  } catch {
    json = undefined;
  }
  if (json === undefined || json.length > MAX_DATA_LENGTH) {
    refuse(path, `JSON of at most ${MAX_DATA_LENGTH} characters without U+0000 or lone surrogates`, value);
  }
  return JSON.parse(json as string);
}

function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}

function refuse(path: string, expected: string, value: unknown): never {
  const received =
    typeof value === "string"
      ? `a string of ${value.length} characters`
      : value === null
        ? "null"
        : value === undefined
          ? "nothing"
          : Array.isArray(value)
            ? "an array"
            : `a value of type ${typeof value}`;
  throw new InvalidOutboxEventError({ path, expected, received });
}
