// The data is imported once for all test files: each then opens a database of its own from a copy. What the import does is the
// business of `import.test.ts`, which begins with an empty one.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** A `tar` of a database folder with the imported data and what is made up from it. */
    importedDatabase: string;
    /** The same of a new database, as `initdb` leaves it: running that takes three times as long as unpacking it. */
    emptyDatabase: string;
    /** A folder for what processes of the demo have compiled: the first of them leaves it to the others. */
    compileCache: string;
  }
}

export default async function importOnce(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "demo-crm-data-"));
  const [empty, imported] = [join(folder, "empty.tar"), join(folder, "imported.tar")];
  const script = new URL("import-data.ts", import.meta.url).pathname;
  await promisify(execFile)(process.execPath, ["--conditions=@crm/source", script, empty, imported]);
  project.provide("emptyDatabase", empty);
  project.provide("importedDatabase", imported);
  project.provide("compileCache", join(folder, "compiled"));
  return () => rm(folder, { recursive: true, force: true });
}
