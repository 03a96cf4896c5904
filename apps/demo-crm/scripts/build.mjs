// The build of the demo: the server, the web app, and the database that new embedded ones begin with. None of the three needs another, and
// the last one takes as long as both others, so they are made beside one another, each in a process of its own.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/**
 * @param {string} name of a package with one program
 * @returns {string} that program, which Node can run on every system
 */
function programOf(name) {
  const file = require.resolve(`${name}/package.json`);
  const { bin } = require(file);
  return join(dirname(file), typeof bin === "string" ? bin : bin[name]);
}

/**
 * @param {string} what for people
 * @param {readonly string[]} args of Node
 * @returns {Promise<void>}
 */
function run(what, args) {
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve) => {
    /** @param {unknown} code */
    const end = (code) => {
      if (code !== 0) {
        console.error(`Making ${what} ended with ${code}: see above`);
        process.exitCode = 1;
      }
      resolve();
    };
    child.once("error", end);
    child.once("close", end);
  });
}

await Promise.all([
  run("the database", ["--conditions=@crm/source", "scripts/prepare-postgres.mjs"]),
  run("the server", [programOf("tsup"), "--silent"]),
  run("the web app", [programOf("vite"), "build", "web", "--logLevel", "warn"]),
]);
