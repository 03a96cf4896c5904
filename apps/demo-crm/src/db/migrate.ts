import { join } from "node:path";
import type { PgliteDatabase } from "drizzle-orm/pglite";
import { migrate as migratePglite } from "drizzle-orm/pglite/migrator";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as migratePostgres } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { findAppRoot } from "../app-root.ts";
import type * as schema from "./schema.ts";

/** Any constant will do, as long as it is this demo's own: two instances that start together take turns. */
const MIGRATION_LOCK = 7_236_001;

const migrations = () => ({ migrationsFolder: join(findAppRoot(), "migrations") });

/** The embedded database has one user: this process. */
export async function migrateEmbedded(database: PgliteDatabase<typeof schema>): Promise<void> {
  await migratePglite(database, migrations());
}

/** On a connection of its own: an advisory lock belongs to a session, and a pool would hand out another one. */
export async function migrateServer(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} });
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await migratePostgres(drizzle(client), migrations());
  } finally {
    await client.end({ timeout: 2 });
  }
}
