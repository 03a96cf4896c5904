// How long a first visitor waits: from the command of the README to a page, and an answer of the API, in seconds.
//
//   git clone <this repository> /tmp/fresh && node apps/demo-crm/scripts/first-visit.mjs /tmp/fresh [-- --instances 3]
//
// Runs `npx pnpm@12 demo` there twice: as it was cloned, and built. What pnpm has in its store is not loaded again.

import { spawn } from "node:child_process";

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined) throw new Error("Say in which clone");
const args = rest[0] === "--" ? rest.slice(1) : rest;

/** @param {string} what */
async function visit(what) {
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
  const child = spawn("npx", ["-y", "pnpm@12", "demo", ...args], {
    ...{ cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] },
    env: { ...process.env, PORT: "", LOG_LEVEL: "warn" },
  });
  let output = "";
  /** @type {Promise<string>} */
  const ready = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        const url = /Ready after [^\n]*(http:\S+)\n/.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    child.once("close", () => reject(new Error(`It ended:\n${output}`)));
  });
  try {
    const url = await ready;
    const page = await (await fetch(url)).text();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1];
    const answers = [
      await fetch(url + script),
      await fetch(`${url}/api/analytics/pipeline`),
      await fetch(`${url}/api/companies`),
    ];
    const statuses = answers.map(({ status }) => status);
    if (statuses.some((status) => status !== 200)) throw new Error(`Answered with ${statuses}`);
    console.log(
      `${what}: page, script and data after ${seconds()} s; ${/Ready after [\d.]+ s/.exec(output)?.[0]}`,
    );
  } finally {
    const closed = new Promise((resolve) => child.once("close", resolve));
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    await closed;
  }
}

await visit("As cloned");
await visit("Built");
