import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../test/support/database.ts";
import { enqueue } from "./enqueue.ts";
import { InvalidOutboxEventError } from "./errors.ts";
import type { EntityEvent } from "./invalidation-target.ts";
import { outboxMigration } from "./outbox-migration.ts";

const updated: EntityEvent = { event: "entity:updated", entityType: "companies", entityId: "1" };

describe("enqueue", () => {
  let db: Database;
  beforeAll(async () => {
    db = await openDatabase();
    await db.query(outboxMigration());
  });
  beforeEach(() => db.query("DELETE FROM cache_outbox").then(() => {}));
  afterAll(() => db.close());

  async function written(): Promise<unknown[]> {
    const columns = "event, entity_type, entity_id, data, actor, cause";
    return (await db.query(`SELECT ${columns} FROM cache_outbox ORDER BY id`)).rows;
  }

  test("writes one event, or many in their order with one statement", async () => {
    let statements = 0;
    const counting = {
      query(text: string, params: unknown[]) {
        statements += 1;
        return db.query(text, params);
      },
    };
    await enqueue(counting, updated);
    await enqueue(counting, [
      {
        event: "entity:created",
        entityType: "deals",
        entityId: "*",
        data: { companyId: 7, name: 'Žito ’ \\ "' },
      },
      { event: "entity:deleted", entityType: "users", entityId: "a'b", actor: "anna", cause: "GDPR" },
    ]);
    expect(statements).toBe(2);
    const none = { data: null, actor: null, cause: null };
    expect(await written()).toEqual([
      { event: "entity:updated", entity_type: "companies", entity_id: "1", ...none },
      {
        event: "entity:created",
        entity_type: "deals",
        entity_id: "*",
        ...none,
        data: { companyId: 7, name: 'Žito ’ \\ "' },
      },
      {
        event: "entity:deleted",
        entity_type: "users",
        entity_id: "a'b",
        ...none,
        actor: "anna",
        cause: "GDPR",
      },
    ]);
  });

  test("belongs to the transaction: a rollback takes it along", async () => {
    await db
      .transaction(async (tx) => {
        await enqueue(tx, updated);
        throw new Error("changed my mind");
      })
      .catch(() => {});
    expect(await written()).toEqual([]);
    await db.transaction((tx) => enqueue(tx, updated));
    expect(await written()).toHaveLength(1);
  });

  test("of no events asks nothing", async () => {
    await enqueue({ query: () => Promise.reject(new Error("asked")) }, []);
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  test.each<[string, unknown]>([
    ["an unknown event", { ...updated, event: "entity:renamed" }],
    ["no entity", { ...updated, entityType: "" }],
    ["a numeric id", { ...updated, entityId: 1 }],
    ["U+0000", { ...updated, entityId: "a\0b" }],
    ["a lone surrogate", { ...updated, actor: "a\ud800" }],
    ["an entity that the invalidator would refuse", { ...updated, entityType: "x".repeat(129) }],
    ["an id that the invalidator would refuse", { ...updated, entityId: "é".repeat(257) }],
    ["an id with a control character", { ...updated, entityId: "a\nb" }],
    ["a reason that is too long", { ...updated, cause: "x".repeat(257) }],
    ["a reason of two lines", { ...updated, cause: "Error: x\n at y" }],
    ["circular data", { ...updated, data: circular }],
    ["data with U+0000", { ...updated, data: { a: ["\0"] } }],
    ["data with a key that PostgreSQL refuses", { ...updated, data: { "\ud800": 1 } }],
    ["data of more than 64 KB", { ...updated, data: "x".repeat(70_000) }],
    ["a function as data", { ...updated, data: () => {} }],
    ["no event at all", null],
  ])("refuses %s before it asks the server", async (_, event) => {
    const client = { query: () => Promise.reject(new Error("asked")) };
    await expect(enqueue(client, event as EntityEvent)).rejects.toThrow(InvalidOutboxEventError);
    await expect(enqueue(client, [updated, event as EntityEvent])).rejects.toThrow(/^events\[1\]/);
  });

  test.each([[undefined], [null], [{}], [{ query: "SELECT 1" }]])("%j is no client", async (client) => {
    await expect(enqueue(client as never, updated)).rejects.toThrow(/"tx": expected a client/);
  });

  test("says where the culprit is and never what it holds", async () => {
    const event = { ...updated, entityId: "secret\0" };
    await expect(enqueue(db, [updated, event])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[InvalidOutboxEventError: events[1].entityId: expected a non-empty string of at most 512 bytes without control characters, got a string of 7 characters. Nothing was written; correct the event and enqueue it again.]`,
    );
  });
});
