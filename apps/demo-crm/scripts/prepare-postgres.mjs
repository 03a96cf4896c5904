// Part of the build, run with `--conditions=@crm/source`: runs `initdb` and the import once, so that the demo does not have to at every
// start. A database of somebody's own (DATABASE_URL) is imported into when the demo first meets it.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { connect } from "../src/db/connect.ts";
import { generateWork } from "../src/db/generate-work.ts";
import { importCrm } from "../src/db/import-crm.ts";
import { dumpDatabase } from "../src/db/new-database.ts";

const dist = new URL("../dist/", import.meta.url);
await mkdir(dist, { recursive: true });
const connection = await connect({ template: "" });
const { report } = await importCrm({ folder: new URL("../data/crm", import.meta.url).pathname });
if (report.rowsStored.deals !== 8800) throw new Error("The import is not complete");
await generateWork();
if (connection.embedded === undefined) throw new Error("The template is made with the embedded Postgres");
const dump = await dumpDatabase(connection.embedded, "gzip");
await connection.close();
// Written beside and renamed: a build that is interrupted leaves no half of a template.
await writeFile(new URL("postgres-template.tar.gz.part", dist), dump);
await rename(new URL("postgres-template.tar.gz.part", dist), new URL("postgres-template.tar.gz", dist));
