// Run by `import-once.ts` as a process of its own: leaves two databases as a `tar` each where it is told, one as `initdb` makes
// it, one with the imported data and what is made up from it.

import { writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import { connect, db } from "../src/db/connect.ts";
import { generateWork } from "../src/db/generate-work.ts";
import { importCrm } from "../src/db/import-crm.ts";

const [, , emptyFile, importedFile] = process.argv;
if (emptyFile === undefined || importedFile === undefined) throw new Error("Say where the databases go");

async function dump(client: PGlite, file: string): Promise<void> {
  await writeFile(file, Buffer.from(await (await client.dumpDataDir("none")).arrayBuffer()));
}

const empty = await PGlite.create();
await dump(empty, emptyFile);
await empty.close();

const connection = await connect({ template: emptyFile });
await importCrm({ folder: new URL("../data/crm", import.meta.url).pathname });
await generateWork();
await dump((db() as unknown as { $client: PGlite }).$client, importedFile);
await connection.close();
