import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../test/support/database.ts";
import { outboxMigration } from "./outbox-migration.ts";
import { outboxTrigger } from "./outbox-trigger.ts";

describe("outboxTrigger", () => {
  let db: Database;
  beforeAll(async () => {
    db = await openDatabase();
    await db.exec(`
      CREATE TABLE companies (id int PRIMARY KEY, name text);
      CREATE SCHEMA sales;
      CREATE TABLE sales.deals (
        number text PRIMARY KEY, company_id int REFERENCES companies ON DELETE CASCADE, owner text);
    `);
    await db.query(outboxMigration());
    await db.query(outboxTrigger({ on: "companies" }));
    const deals = { on: "sales.deals", entityType: "deals", idColumn: "number", dataColumns: ["company_id"] };
    await db.query(outboxTrigger(deals));
    await db.query(outboxTrigger(deals));
  });
  beforeEach(async () => {
    await db.exec("DELETE FROM sales.deals; DELETE FROM companies; DELETE FROM cache_outbox;");
  });
  afterAll(() => db.close());

  /** Runs the statements and returns what they left, as short text. */
  async function after(...statements: string[]): Promise<string[]> {
    for (const statement of statements) await db.exec(statement);
    const { rows } = await db.query<Record<string, unknown>>("SELECT * FROM cache_outbox ORDER BY id");
    await db.exec("DELETE FROM cache_outbox");
    return rows.map(
      ({ event, entity_type, entity_id, data }) =>
        `${event} ${entity_type} ${entity_id}${data === null ? "" : ` ${JSON.stringify(data)}`}`,
    );
  }

  test("tells of every row of a statement", async () => {
    expect(await after("INSERT INTO companies VALUES (1, 'a'), (2, 'b')")).toEqual([
      "entity:created companies 1",
      "entity:created companies 2",
    ]);
    expect(await after("UPDATE companies SET name = 'c' WHERE id = 2")).toEqual([
      "entity:updated companies 2",
    ]);
    expect(await after("DELETE FROM companies")).toEqual([
      "entity:deleted companies 1",
      "entity:deleted companies 2",
    ]);
  });

  test("tells of both ids when an update changes the id, and of nothing when it meets no row", async () => {
    await after("INSERT INTO companies VALUES (1, 'a')");
    expect((await after("UPDATE companies SET id = 9")).sort()).toEqual([
      "entity:updated companies 1",
      "entity:updated companies 9",
    ]);
    expect(
      await after("UPDATE companies SET name = 'x' WHERE id = 404", "DELETE FROM companies WHERE id = 404"),
    ).toEqual([]);
  });

  test("carries the columns of dataColumns, old and new when they change", async () => {
    expect(
      await after(
        "INSERT INTO companies VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO sales.deals VALUES ('D-1', 1, 'x')",
      ),
    ).toContain('entity:created deals D-1 {"company_id":1}');
    expect(await after("UPDATE sales.deals SET owner = 'y'")).toEqual([
      'entity:updated deals D-1 {"company_id":1}',
    ]);
    expect((await after("UPDATE sales.deals SET company_id = 2")).sort()).toEqual([
      'entity:updated deals D-1 {"company_id":1}',
      'entity:updated deals D-1 {"company_id":2}',
    ]);
  });

  test("sees cascades and TRUNCATE", async () => {
    await after("INSERT INTO companies VALUES (1, 'a')", "INSERT INTO sales.deals VALUES ('D-1', 1, 'x')");
    expect((await after("DELETE FROM companies")).sort()).toEqual([
      "entity:deleted companies 1",
      'entity:deleted deals D-1 {"company_id":1}',
    ]);
    await after("INSERT INTO companies VALUES (1, 'a'), (2, 'b')");
    expect((await after("TRUNCATE companies CASCADE")).sort()).toEqual([
      "entity:deleted companies -",
      "entity:deleted companies 1",
      "entity:deleted companies 2",
      "entity:deleted deals -",
    ]);
  });

  test("names the user as actor, or whom the application names, and itself as cause", async () => {
    await db.exec("INSERT INTO companies VALUES (1, 'a')");
    await db.transaction(async (tx) => {
      await tx.exec("SET LOCAL cache_outbox.actor = 'anna'");
      await tx.exec("UPDATE companies SET name = 'b'");
    });
    await db.exec("DELETE FROM companies");
    const { rows } = await db.query("SELECT actor, cause FROM cache_outbox ORDER BY id");
    const cause = "trigger public.companies";
    expect(rows).toEqual([
      { actor: "postgres", cause },
      { actor: "anna", cause },
      { actor: "postgres", cause },
    ]);
  });

  test("works for a user who may not write into the outbox", async () => {
    await db.exec("CREATE ROLE clerk; GRANT INSERT ON companies TO clerk; SET ROLE clerk;");
    try {
      await expect(
        db.query(
          "INSERT INTO cache_outbox (event, entity_type, entity_id) VALUES ('entity:created', 'a', 'b')",
        ),
      ).rejects.toThrow("permission denied");
      await db.query("INSERT INTO companies VALUES (5, 'e')");
    } finally {
      await db.exec("RESET ROLE");
    }
    expect(await after()).toEqual(["entity:created companies 5"]);
  });

  test("keeps no row out of the table: one without an id is told as -", async () => {
    await db.exec("CREATE TABLE drafts (id text, title text)");
    await db.query(outboxTrigger({ on: "drafts" }));
    expect(await after("INSERT INTO drafts VALUES ('', 'a'), (NULL, 'b'), ('D-1', 'c')")).toEqual([
      "entity:created drafts -",
      "entity:created drafts -",
      "entity:created drafts D-1",
    ]);
    expect((await after("UPDATE drafts SET id = 'D-2' WHERE id = ''")).sort()).toEqual([
      "entity:updated drafts -",
      "entity:updated drafts D-2",
    ]);
    expect(await after("DELETE FROM drafts WHERE id IS NULL")).toEqual(["entity:deleted drafts -"]);
    expect((await after("TRUNCATE drafts")).sort()).toEqual([
      "entity:deleted drafts -",
      "entity:deleted drafts D-1",
      "entity:deleted drafts D-2",
    ]);
  });

  test("an id that no event can carry is told as -, and is not put aside when the change is long over", async () => {
    await db.exec("CREATE TABLE notes (id text)");
    await db.query(outboxTrigger({ on: "notes" }));
    const odd = [...["E'a\\nb'", "E'\\u0085'", "E'a\\u007F'"], ...["repeat('é', 257)", "repeat('x', 513)"]];
    for (const id of odd) {
      expect(await after(`INSERT INTO notes VALUES (${id})`), id).toEqual(["entity:created notes -"]);
    }
    const longest = "é".repeat(256);
    expect(await after(`INSERT INTO notes VALUES ('${longest}')`)).toEqual([
      `entity:created notes ${longest}`,
    ]);
    expect(await after("INSERT INTO notes VALUES (' $a*[]\\{id}:''ж')")).toEqual([
      "entity:created notes  $a*[]\\{id}:'ж",
    ]);
  });

  test("tells of a TRUNCATE of rows that its transaction, or its owner, does not see", async () => {
    await db.exec(`
      CREATE ROLE owner; GRANT CREATE ON SCHEMA public TO owner; GRANT INSERT, SELECT ON cache_outbox TO owner;
      SET ROLE owner; CREATE TABLE secrets (id int, tenant text);`);
    try {
      await db.query(outboxTrigger({ on: "secrets" }));
      await db.exec(`INSERT INTO secrets VALUES (1, 'a');
        ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
        TRUNCATE secrets;`);
    } finally {
      await db.exec("RESET ROLE");
    }
    expect(await after()).toEqual(["entity:created secrets 1", "entity:deleted secrets -"]);
  });

  test.each(["via", "by_whom", "found", "new", "user", "order", "current_user", "data", "companyId"])(
    "reads the column %s, whatever else is called so",
    async (column) => {
      await db.exec(`CREATE TABLE named (id int, "${column}" text)`);
      try {
        await db.query(outboxTrigger({ on: "named", dataColumns: [column] }));
        expect(await after("INSERT INTO named VALUES (1, 'x')")).toEqual([
          `entity:created named 1 {"${column}":"x"}`,
        ]);
        await db.query(outboxTrigger({ on: "named", idColumn: column }));
        expect(await after("INSERT INTO named VALUES (2, 'y')")).toEqual(["entity:created named y"]);
      } finally {
        await db.exec("DROP TABLE named");
      }
    },
  );

  test("watches tables whose names are long, reserved, or have capitals", async () => {
    const tables = ["Deal", "order", "customer_support_ticket_message_attachments1"];
    for (const table of tables) {
      await db.exec(`CREATE TABLE "${table}" (id int)`);
      await db.query(outboxTrigger({ on: table }));
      await db.query(outboxTrigger({ on: table }));
      expect(await after(`INSERT INTO "${table}" VALUES (1)`, `DELETE FROM "${table}"`)).toEqual([
        `entity:created ${table} 1`,
        `entity:deleted ${table} 1`,
      ]);
    }
    // With what is added to it, PostgreSQL would cut the name.
    expect(() => outboxTrigger({ on: `${tables[2]}0` })).toThrow("1 to 44 of");
    expect(() => outboxTrigger({ on: `${tables[2]}`, outbox: { table: "cache_outbox2" } })).toThrow(
      "1 to 43 of",
    );
  });

  test("sees what goes through a partitioned table, and through a partition that has a trigger of its own", async () => {
    await db.exec(`CREATE TABLE visits (id int, year int) PARTITION BY LIST (year);
      CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1);
      CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2);`);
    await db.query(outboxTrigger({ on: "visits", dataColumns: ["year"] }));
    expect(await after("INSERT INTO visits VALUES (1, 1)", "UPDATE visits SET year = 2")).toEqual([
      'entity:created visits 1 {"year":1}',
      'entity:updated visits 1 {"year":1}',
      'entity:updated visits 1 {"year":2}',
    ]);
    await db.query(outboxTrigger({ on: "visits_2", entityType: "visits" }));
    expect(await after("UPDATE visits_2 SET id = 7")).toEqual([
      "entity:updated visits 1",
      "entity:updated visits 7",
    ]);
    expect(await after("TRUNCATE visits_2", "INSERT INTO visits VALUES (3, 2)")).toEqual([
      "entity:deleted visits -",
      "entity:deleted visits 7",
      'entity:created visits 3 {"year":2}',
    ]);
  });

  test("takes no name that could smuggle anything in", () => {
    expect(() => outboxTrigger({ on: "a.b.c" })).toThrowErrorMatchingInlineSnapshot(
      `[InvalidOptionError: Option "on": expected the name of a table, such as sales.deals, got the string "a.b.c".]`,
    );
    expect(() => outboxTrigger(null as never)).toThrow('Option "options"');
    expect(() => outboxTrigger({ on: "companies", idColumn: "id)" })).toThrow('Option "idColumn"');
    expect(() => outboxTrigger({ on: "companies", dataColumns: ["a", "b'"] })).toThrow(
      'Option "dataColumns[1]"',
    );
    expect(() => outboxTrigger({ on: "companies", dataColumns: "a" as never })).toThrow(
      'Option "dataColumns"',
    );
    expect(() => outboxTrigger({ on: "companies", idColumn: 'a"b' })).toThrow('Option "idColumn"');
    expect(() => outboxTrigger({ on: "companies", dataColumns: Array(51).fill("a") })).toThrow(
      "at most 50 names of columns",
    );
    expect(() => outboxTrigger({ on: "companies", outbox: "outbox" as never })).toThrow('Option "options"');
    expect(() => outboxTrigger({ on: "companies", entityType: "$watch$" })).toThrow('Option "entityType"');
  });
});
