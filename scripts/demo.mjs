// `pnpm demo` after the build: runs the demo CRM with the arguments and signals that this process gets.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./lib/workspace.mjs";

const main = join(root, "apps/demo-crm/dist/main.js");
const child = spawn(process.execPath, ["--enable-source-maps", main, ...process.argv.slice(2)], {
  stdio: "inherit",
  // What was compiled at the first start need not be at the next.
  env: { NODE_COMPILE_CACHE: join(root, "node_modules/.cache/demo-crm"), ...process.env },
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the child as well, and a second one would cut its shutdown short.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}

child.on("error", (error) => {
  console.error(`The demo could not start: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  // Ended by a signal: report it in the usual way, 128 + its number for the ones that are passed on.
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  process.exitCode = code ?? 128 + (numbers[/** @type {keyof typeof numbers} */ (signal)] ?? 1);
});
