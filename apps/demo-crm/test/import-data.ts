// Run by `import-once.ts` as a process of its own: imports the data and leaves a `tar` of the database where it is told.

import { writeFile } from "node:fs/promises";
import type { PGlite } from "@electric-sql/pglite";
import { connect, db } from "../src/db/connect.ts";
import { generateWork } from "../src/db/generate-work.ts";
import { importCrm } from "../src/db/import-crm.ts";

const file = process.argv[2];
if (file === undefined) throw new Error("Say where the database goes");
const connection = await connect();
await importCrm({ folder: new URL("../data/crm", import.meta.url).pathname });
await generateWork();
const { $client } = db() as unknown as { $client: PGlite };
await writeFile(file, Buffer.from(await (await $client.dumpDataDir("none")).arrayBuffer()));
await connection.close();
