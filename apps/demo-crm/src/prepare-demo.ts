import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { InvalidationPendingError } from "@crm/cache-core";
import { findAppRoot } from "./app-root.ts";
import { cache } from "./cache/index.ts";
import { store } from "./cache/store.ts";
import { generateWork } from "./db/generate-work.ts";
import { importCrm } from "./db/import-crm.ts";
import { signInService } from "./services/sign-in-service.ts";
import { showImportProgress, showImportReport, type Terminal } from "./terminal/show-import.ts";

const DEMO_USER = "darcel-schlecht";

export interface PrepareOptions {
  readonly terminal: Terminal;
  /** Of the account; `undefined`: one that is made up. */
  readonly demoPassword: string | undefined;
  readonly signal: AbortSignal;
}

/** What is done once, however many instances there are: data, account, and a cache without memories. Resolves to the password. */
export async function prepareDemo({ terminal, demoPassword, signal }: PrepareOptions): Promise<string> {
  const { skipped, report } = await importCrm({
    folder: join(findAppRoot(), "data", "crm"),
    onProgress: showImportProgress(terminal),
    signal,
  });
  showImportReport(terminal, report, skipped);
  const generated = await generateWork();
  if (generated)
    terminal.write(
      `Made up, and marked so: ${Object.entries(generated)
        .filter(([name]) => name !== "quoteCounters")
        .map(([name, rows]) => `${rows.toLocaleString("en")} ${name}`)
        .join(", ")}\n`,
    );
  await cache.ready();
  if (!store.available)
    terminal.write(
      "Redis does not answer: the demo goes on without a cache until it does. Is the address in REDIS_URL right?\n",
    );
  await forgetEarlierRuns();
  signal.throwIfAborted();
  return makeAccount(demoPassword, terminal);
}

/** Somebody to sign in as. Without a password from the environment it is new at every start, and shown here alone. */
async function makeAccount(given: string | undefined, terminal: Terminal): Promise<string> {
  const password = given ?? randomBytes(9).toString("base64url");
  if (await signInService.setPassword(DEMO_USER, password))
    terminal.write(
      `Sign in as ${DEMO_USER} ${given ? "with DEMO_PASSWORD" : `with the password ${password}`}\n`,
    );
  return password;
}

/**
 * Redis outlives this process: it may hold what an earlier run read from another database, the embedded one of that run
 * for example. The embedded store is empty anyhow.
 */
async function forgetEarlierRuns(): Promise<void> {
  try {
    await cache.clear();
  } catch (error) {
    // The cache has logged it, retries it, and until then serves nothing that it covers.
    if (!InvalidationPendingError.isInstance(error)) throw error;
  }
}
