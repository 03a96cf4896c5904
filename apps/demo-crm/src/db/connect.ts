import type { PGlite } from "@electric-sql/pglite";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { migrateEmbedded, migrateServer } from "./migrate.ts";
import { openEmbedded } from "./open-embedded.ts";
import * as schema from "./schema.ts";
import { slowable, slowableServer } from "./slow-origin.ts";

export type Database = PgDatabase<PgQueryResultHKT, typeof schema>;

export interface ConnectOptions {
  /** A Postgres server. Without one, Postgres runs inside this process (PGlite). */
  url?: string | undefined;
  /** Where the embedded Postgres keeps its files. @default in memory */
  dataDir?: string | undefined;
  /** What a new embedded database begins with: a `tar` of its folder, gzipped or not. @default the one that the build made */
  template?: string | undefined;
}

export interface Connection {
  /** For people: never contains the URL's credentials. */
  readonly label: string;
  readonly kind: "embedded" | "server";
  /** The embedded one itself. */
  readonly embedded?: PGlite | undefined;
  close(): Promise<void>;
}

let current: Database | undefined;

/** The database of this process. The query modules use it; `connect` must have resolved before. */
export function db(): Database {
  if (!current) throw new Error("The database is not connected: await connect() first");
  return current;
}

/** Opens the database and brings its schema up to date. */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  if (current) throw new Error("The database is connected already");
  return options.url ? connectServer(options.url) : connectEmbedded(options);
}

async function connectEmbedded({ dataDir, template }: ConnectOptions): Promise<Connection> {
  const embedded = await openEmbedded(dataDir, template);
  const database = drizzlePglite(slowable(embedded.client), { schema });
  try {
    await migrateEmbedded(database);
    const version = await serverVersion(database);
    current = database;
    return {
      label: `Postgres ${version} (PGlite, ${dataDir ? "on disk" : "in memory"})`,
      kind: "embedded",
      embedded: embedded.client,
      async close() {
        current = undefined;
        await embedded.close();
      },
    };
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

async function connectServer(url: string): Promise<Connection> {
  await migrateServer(url);
  const client = postgres(url, { max: 10, connect_timeout: 10, onnotice: () => {} });
  const database = drizzlePostgres(slowableServer(client), { schema });
  try {
    const version = await serverVersion(database);
    current = database;
    return {
      label: `Postgres ${version} (server)`,
      kind: "server",
      async close() {
        current = undefined;
        await client.end({ timeout: 2 });
      },
    };
  } catch (error) {
    await client.end({ timeout: 2 });
    throw error;
  }
}

async function serverVersion(database: Database): Promise<string> {
  const result: unknown = await database.execute("show server_version");
  const rows = Array.isArray(result) ? result : (result as { rows: unknown[] }).rows;
  return String((rows[0] as { server_version: string }).server_version).split(" ")[0] ?? "";
}
