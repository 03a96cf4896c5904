import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { dial } from "../test/support/dial.ts";
import { findPostgresBinaries, unprivilegedUser } from "./internal/postgres-binaries.ts";
import { type PostgresServer, startPostgres } from "./start-postgres.ts";

describe("a server of our own", () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres({ control: true });
  });
  afterAll(() => postgres.stop());

  test("answers at its url, on loopback, not as root", async () => {
    const client = await postgres.client();
    const { rows } = await client.query(
      "SELECT current_database() AS name, inet_server_addr()::text AS host",
    );
    expect(rows[0].host).toBe("127.0.0.1/32");
    expect(postgres.url.endsWith(`/${rows[0].name}`)).toBe(true);
    expect(postgres.via).toBe("local");
    expect(postgres.pid).toBeGreaterThan(0);
  });

  test("wants its password", async () => {
    const url = new URL(postgres.url);
    expect(url.password.length).toBe(32);
  });

  test("killed, it refuses connections; restarted, it has what was committed, at the same port", async () => {
    const before = await postgres.client();
    await before.query("CREATE TABLE kept (n int)");
    await before.query("INSERT INTO kept VALUES (1)");
    await before.query("BEGIN");
    await before.query("INSERT INTO kept VALUES (2)");
    await postgres.kill();
    expect(postgres.pid).toBeUndefined();
    expect(await dial(postgres)).toBe("ECONNREFUSED");
    await postgres.restart();
    const after = await postgres.client();
    expect((await after.query("SELECT n FROM kept")).rows).toEqual([{ n: 1 }]);
  });

  test("has as many databases as a test wants, each empty", async () => {
    const urls = [await postgres.createDatabase(), await postgres.createDatabase()];
    expect(new Set([postgres.url, ...urls]).size).toBe(3);
  });
});

test("config reaches the server; stop frees the port and may be called twice", async () => {
  const postgres = await startPostgres({ config: { max_connections: 37 } });
  const client = await postgres.client();
  expect((await client.query("SHOW max_connections")).rows).toEqual([{ max_connections: "37" }]);
  await postgres.stop();
  await postgres.stop();
  expect(await dial(postgres)).toBe("ECONNREFUSED");
});

test("a setting that PostgreSQL refuses is reported in its words", async () => {
  await expect(startPostgres({ config: { no_such_setting: 1 } })).rejects.toThrow("no_such_setting");
});

describe("TEST_POSTGRES_URL", () => {
  afterEach(() => void vi.unstubAllEnvs());

  test("is used, gets a database of its own that goes with stop, and is not harmed", async () => {
    await using own = await startPostgres({ control: true });
    vi.stubEnv("TEST_POSTGRES_URL", own.url);
    const guest = await startPostgres();
    expect(guest).toMatchObject({ via: "url", host: own.host, port: own.port, pid: undefined });
    const databases = `SELECT count(*)::int AS n FROM pg_database WHERE datname LIKE 'crm_test_%'`;
    const client = await own.client();
    expect((await client.query(databases)).rows).toEqual([{ n: 2 }]);
    await expect(guest.kill()).rejects.toThrow("kill() refused: the server at TEST_POSTGRES_URL is not ours");
    await expect(guest.restart()).rejects.toThrow("restart() refused");
    await guest.stop();
    expect((await client.query(databases)).rows).toEqual([{ n: 1 }]);
  });
});

describe("where the programs come from", () => {
  async function folderWith(...versions: string[]): Promise<string> {
    const root = await mkdtemp(join(tmpdir(), "crm-testkit-binaries-"));
    for (const version of versions) {
      await mkdir(join(root, version, "bin"), { recursive: true });
      for (const name of ["initdb", "postgres"]) await writeFile(join(root, version, "bin", name), "");
    }
    return root;
  }

  test("the highest version of Debian's, before the PATH", async () => {
    const root = await folderWith("9", "16", "15");
    expect(await findPostgresBinaries({ debianRoot: root, path: join(root, "15", "bin") })).toBe(
      join(root, "16", "bin"),
    );
    expect(await findPostgresBinaries({ path: `/nonexistent:${join(root, "15", "bin")}` })).toBe(
      join(root, "15", "bin"),
    );
    await rm(root, { recursive: true });
  });

  test("installed when there is none, once", async () => {
    const root = await folderWith();
    const install = vi.fn(async () => {
      await mkdir(join(root, "15", "bin"), { recursive: true });
      for (const name of ["initdb", "postgres"]) await writeFile(join(root, "15", "bin", name), "");
    });
    expect(await findPostgresBinaries({ debianRoot: root, install })).toBe(join(root, "15", "bin"));
    await findPostgresBinaries({ debianRoot: root, install });
    expect(install).toHaveBeenCalledTimes(1);
    await rm(root, { recursive: true });
  });

  test("none, and not allowed to install: the error says what to do", async () => {
    await expect(findPostgresBinaries({ debianRoot: "/nonexistent", path: "" })).rejects.toThrow(
      /No PostgreSQL for the tests[\s\S]*TEST_POSTGRES_URL[\s\S]*apt-get install postgresql/,
    );
  });

  test("root hands over to postgres, or to nobody; others stay who they are", () => {
    const nobody = "root:x:0:0:::\nnobody:x:65534:65533:::\n";
    expect(unprivilegedUser(1000, nobody)).toBeUndefined();
    expect(unprivilegedUser(0, nobody)).toEqual({ uid: 65534, gid: 65533 });
    expect(unprivilegedUser(0, `${nobody}postgres:x:101:104:::\n`)).toEqual({ uid: 101, gid: 104 });
    expect(() => unprivilegedUser(0, "root:x:0:0:::\n")).toThrow("does not run as root");
  });
});
