// The build of the demo: the server, the web app, and the database that new embedded ones begin with. None of the three needs another, and
// the last one takes as long as both others, so they are made beside one another.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build as bundleServer } from "tsup";
import { build as bundleWeb } from "vite";

const app = fileURLToPath(new URL("..", import.meta.url));
process.chdir(app);
// What decides whether React's development version is bundled.
process.env.NODE_ENV ??= "production";

/** Runs in a process of its own: Postgres would have this thread for seconds. */
function makeDatabase() {
  const args = ["--conditions=@crm/source", "scripts/prepare-postgres.mjs"];
  const child = spawn(process.execPath, args, { cwd: app, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0
        ? resolve(undefined)
        : reject(new Error(`Making the database ended with ${code}: see above`)),
    );
  });
}

const parts = await Promise.allSettled([
  makeDatabase(),
  bundleServer({ silent: true }),
  bundleWeb({ root: "web", configFile: "web/vite.config.ts", logLevel: "warn" }),
]);
for (const part of parts) {
  if (part.status === "fulfilled") continue;
  console.error(part.reason);
  process.exitCode = 1;
}
