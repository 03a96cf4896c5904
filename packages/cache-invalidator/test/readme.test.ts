import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { outboxMigration } from "@crm/cache-invalidator/postgres";
import { type PostgresServer, startPostgres } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const readme = await readFile(join(root, "README.md"), "utf8");
/** What a block prints, by a part of it. The others print nothing. */
const PRINTS: readonly (readonly [part: string, stdout: string])[] = [
  ["keysInvalidated, await", "2 companies:2\ncompanies:1, companies:1 > deals\n"],
  ["createOutboxRelay", "entity:updated companies 42\n"],
  ["createConsistencyMeter", "1 [ [ 60, null ], [ 300, null ], [ 600, null ] ]\n"],
];
const statements = [...readme.matchAll(/^```sql\n(.*?)^```/gms)].map(([, sql]) => sql as string);
const blocks = [...readme.matchAll(/^```ts run\n(.*?)^```/gms)].map(([, code]) => code as string);

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** Runs a block as a program of its own, with the environment of a reader who has a Postgres and no Redis. */
async function execute(code: string): Promise<{ stdout: string; stderr: string }> {
  // Inside the package, so that it finds the package by its name.
  const folder = await mkdtemp(join(root, "test", ".readme-"));
  try {
    const file = join(folder, "block.ts");
    await writeFile(file, code);
    return await run(process.execPath, ["--conditions=@crm/source", "--experimental-strip-types", file], {
      cwd: folder,
      env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1", DATABASE_URL: postgres.url },
      timeout: 20_000,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("README.md", () => {
  it("has no code block that is not run", () => {
    expect(blocks.length).toBe(6);
    expect(statements.length).toBe(1);
    expect([...readme.matchAll(/^```\w+/gm)].length).toBe(blocks.length + statements.length);
  });

  it("begins with an example of at most 20 lines", () => {
    const [first = ""] = blocks;
    expect(first.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
    expect(first).toContain(PRINTS[0]?.[0]);
  });

  it.each(blocks.map((code, i) => [i + 1, code] as const))(
    "has a block %i that runs to its end, and prints what it says",
    async (_, code) => {
      const [, stdout = ""] = PRINTS.find(([part]) => code.includes(part)) ?? [];
      const said = await execute(code);
      expect(said.stdout).toBe(stdout);
      // Where the store is chosen by the environment, one line says which.
      expect(said.stderr.replace(/^No Redis is configured: .*\n/, "")).toBe("");
    },
  );

  it("has an SQL statement that is accepted", async () => {
    const client = await postgres.client();
    await client.query(outboxMigration());
    await client.query(statements[0] as string);
    const { rows } = await client.query("SELECT entity_type, entity_id FROM cache_outbox");
    expect(rows).toEqual([{ entity_type: "companies", entity_id: "42" }]);
  });

  it("names only tests that exist", async () => {
    const files = new Set(
      [...readme.matchAll(/`((?:test|src)\/[\w./-]+\.test\.ts)`/g)].map(([, file]) => file as string),
    );
    expect(files.size).toBeGreaterThan(8);
    for (const file of files) await expect(readFile(join(root, file), "utf8"), file).resolves.toBeTruthy();
  });
});
