// How long a first visitor waits: from the command of the README to a page, and an answer of the API, in seconds.
//
//   git clone <this repository> /tmp/fresh && node apps/demo-crm/scripts/first-visit.mjs /tmp/fresh [-- --instances 3]
//
// Runs `npx pnpm@12 demo` there, as it was cloned; then, built, `node --run demo` three times, and `npx pnpm@12 demo` once more. What pnpm has
// in its store is not loaded again.

import { spawn } from "node:child_process";

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined) throw new Error("Say in which clone");
const args = rest[0] === "--" ? rest.slice(1) : rest;

const PNPM = ["npx", "-y", "pnpm@12", "demo"];
const NODE = [process.execPath, "--run", "demo", "--"];

/**
 * @param {string} what
 * @param {string[]} command
 */
async function visit(what, command) {
  const [program, ...words] = /** @type {[string, ...string[]]} */ ([...command, ...args]);
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const child = spawn(program, words, {
    ...{ cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] },
    env: { ...process.env, PORT: "", LOG_LEVEL: "warn" },
  });
  let output = "";
  /** @type {Promise<string>} */
  const ready = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        const url = /(?:Serving the page|Ready) after [^\n]*(http:\S+)\n/.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    child.once("close", () => reject(new Error(`It ended:\n${output}`)));
  });
  try {
    const url = await ready;
    const page = await (await fetch(url)).text();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1];
    if ((await fetch(url + script)).status !== 200) throw new Error("The page has no script");
    const shown = seconds();
    const answers = await Promise.all(
      ["/api/analytics/pipeline", "/api/companies"].map((path) => fetch(url + path)),
    );
    const statuses = answers.map(({ status }) => status);
    if (statuses.some((status) => status !== 200)) throw new Error(`Answered with ${statuses}`);
    const usable = seconds();
    while (!output.includes("Ready after")) await new Promise((resolve) => setTimeout(resolve, 20));
    const figures = Object.entries({ page: shown, "with data": usable, warm: seconds() });
    const line = figures.map(([name, value]) => `${name} ${value.toFixed(1)} s`).join(", ");
    console.log(`${what}: ${line}; of the process ${output.match(/after [\d.]+ s/g)?.join(", ")}`);
  } finally {
    const closed = new Promise((resolve) => child.once("close", resolve));
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(-child.pid, "SIGTERM");
      await closed;
    }
  }
}

await visit("as cloned", PNPM);
for (let turn = 0; turn < 3; turn++) await visit("built, node", NODE);
await visit("built, npx", PNPM);
