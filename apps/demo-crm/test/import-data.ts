// Run by `import-once.ts` as a process of its own: leaves two databases as a `tar` each where it is told, one as `initdb` makes
// it, one with the imported data and what is made up from it.

import { writeFile } from "node:fs/promises";
import { connect } from "../src/db/connect.ts";
import { generateWork } from "../src/db/generate-work.ts";
import { importCrm } from "../src/db/import-crm.ts";
import { dumpDatabase, newDatabase } from "../src/db/new-database.ts";

const [, , emptyFile, importedFile] = process.argv;
if (emptyFile === undefined || importedFile === undefined) throw new Error("Say where the databases go");

const empty = await newDatabase();
await writeFile(emptyFile, await dumpDatabase(empty, "none"));
await empty.close();

const { embedded, close } = await connect({ template: emptyFile });
await importCrm({ folder: new URL("../data/crm", import.meta.url).pathname });
await generateWork();
if (embedded === undefined) throw new Error("The data is imported into the embedded Postgres");
await writeFile(importedFile, await dumpDatabase(embedded, "none"));
await close();
