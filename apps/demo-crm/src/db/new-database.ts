import { PGlite } from "@electric-sql/pglite";

/**
 * A new embedded database, as small as it can be: 15 MB instead of 40, and so unpacked from a template in half the time. Segments of the
 * write-ahead log have 1 MB instead of 16, and the two databases that others would be copied from are dropped: there is one
 * database here, and nobody makes another.
 */
export async function newDatabase(dataDir?: string): Promise<PGlite> {
  const client = await PGlite.create({
    ...(dataDir ? { dataDir } : {}),
    initDbStartParams: ["--wal-segsize=1"],
  });
  await client.exec("update pg_database set datistemplate = false where datname like 'template_'");
  for (const name of ["template0", "template1"]) await client.exec(`drop database if exists ${name}`);
  return client;
}

/** The folder of a database as a `tar`, after a checkpoint: whoever opens it has nothing to repeat. */
export async function dumpDatabase(client: PGlite, compression: "none" | "gzip"): Promise<Buffer> {
  await client.exec("checkpoint");
  return Buffer.from(await (await client.dumpDataDir(compression)).arrayBuffer());
}
