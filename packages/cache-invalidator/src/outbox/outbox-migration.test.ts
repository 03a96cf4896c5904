import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../test/support/database.ts";
import { outboxMigration } from "./outbox-migration.ts";

describe("outboxMigration", () => {
  let db: Database;
  beforeAll(async () => {
    db = await openDatabase();
  });
  afterAll(() => db.close());

  test("is one statement that may be repeated and keeps what is there", async () => {
    await db.query(outboxMigration());
    await db.query(
      "INSERT INTO cache_outbox (event, entity_type, entity_id) VALUES ('entity:created', 'companies', '1')",
    );
    await db.query(outboxMigration());
    const { rows } = await db.query("SELECT entity_id, attempts FROM cache_outbox");
    expect(rows).toEqual([{ entity_id: "1", attempts: 0 }]);
  });

  test("makes as many outboxes as there are names", async () => {
    await db.query("CREATE SCHEMA app");
    await db.query(outboxMigration({ schema: "app", table: "events_out" }));
    await db.query(outboxMigration({ table: "another" }));
    const { rows } = await db.query<{ name: string }>(
      "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('app', 'public') ORDER BY 1",
    );
    expect(rows.map(({ name }) => name)).toEqual([
      "app.events_out",
      "app.events_out_dead",
      "app.events_out_delivered",
      "public.another",
      "public.another_dead",
      "public.another_delivered",
      "public.cache_outbox",
      "public.cache_outbox_dead",
      "public.cache_outbox_delivered",
    ]);
  });

  test.each([
    ["entity:renamed", "companies", "1"],
    ["entity:updated", "", "1"],
    ["entity:updated", "companies", ""],
  ])("refuses a row of (%s, %s, %s) whoever writes it", async (...row) => {
    await db.query(outboxMigration());
    const insert = "INSERT INTO cache_outbox (event, entity_type, entity_id) VALUES ($1, $2, $3)";
    await expect(db.query(insert, row)).rejects.toThrow("violates check constraint");
  });

  test("takes no name that would need quotes", () => {
    expect(() =>
      outboxMigration({ table: 'x"; DROP TABLE companies; --' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[InvalidOptionError: Option "table": expected an SQL identifier of 1 to 28 of a-z, 0-9 and _, not beginning with a digit, got the string "x"; DROP TABLE companies; --".]`,
    );
    expect(() => outboxMigration({ schema: "Public" })).toThrowErrorMatchingInlineSnapshot(
      `[InvalidOptionError: Option "schema": expected an SQL identifier of 1 to 28 of a-z, 0-9 and _, not beginning with a digit, got the string "Public".]`,
    );
    expect(() => outboxMigration({ table: "a".repeat(29) })).toThrow("of 1 to 28 of a-z");
  });
});
