// Part of the build: runs `initdb` once, so that the demo does not have to at every start.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

const dist = new URL("../dist/", import.meta.url);
await mkdir(dist, { recursive: true });
const client = await PGlite.create();
const dump = await client.dumpDataDir("gzip");
await client.close();
// Written beside and renamed: a build that is interrupted leaves no half of a template.
await writeFile(new URL("postgres-template.tar.gz.part", dist), Buffer.from(await dump.arrayBuffer()));
await rename(new URL("postgres-template.tar.gz.part", dist), new URL("postgres-template.tar.gz", dist));
