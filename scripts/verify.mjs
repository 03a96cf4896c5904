// `pnpm verify`: everything that CI runs, in order. One step that fails does not stop the others, so one run shows all.
//
//   --no-test           leave out the tests (CI has just run them)
//   --only=lint,guards  only the steps named
//
// The last line is `N passed, N failed`: the tests, with every other step that failed added to the failures; with --only and
// without tests, the steps.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { elapsed, run } from "./lib/run.mjs";
import { printTotals, savedTotals } from "./lib/vitest-reports.mjs";
import { root } from "./lib/workspace.mjs";

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} title
 * @property {string[]} command
 * @property {boolean} [beside] It mostly waits, so it runs beside the steps behind it; what it says comes last.
 */

/** @type {Step[]} */
const STEPS = [
  { name: "lint", title: "Format and lint", command: ["biome", "check", "--error-on-warnings", "."] },
  { name: "guards", title: "Paths, links, skipped tests, lockfile", command: script("check-guards.mjs") },
  { name: "changesets", title: "Changesets", command: script("check-changesets.mjs") },
  // What is behind on purpose: the bench has the ioredis of its peers, and the middleware is tried with the oldest Hono that it takes.
  {
    name: "manifests",
    title: "Manifests",
    command: ["sherif", "--fail-on-warnings", "-i", "ioredis@5.11.1", "-i", "hono@^4.0.0"],
  },
  {
    name: "unused",
    title: "Unused files, exports and dependencies",
    command: ["knip", "--no-progress", "--no-config-hints"],
  },
  { name: "audit", title: "Known vulnerabilities", command: script("check-audit.mjs") },
  { name: "boundaries", title: "Package boundaries", command: ["turbo", "boundaries"] },
  { name: "scripts", title: "Types of the scripts", command: ["tsc", "-p", "scripts/tsconfig.json"] },
  {
    name: "script-tests",
    title: "Tests of the scripts",
    command: [process.execPath, "--test", "scripts/*.test.mjs"],
  },
  { name: "build", title: "Build", command: ["turbo", "run", "build", "--output-logs=new-only"] },
  { name: "typecheck", title: "Types", command: ["turbo", "run", "typecheck", "--output-logs=errors-only"] },
  { name: "test", title: "Tests", command: script("test.mjs") },
  {
    name: "docker",
    title: "Contract through Testcontainers",
    command: script("docker-leg.mjs", "--if-possible"),
    beside: true,
  },
  { name: "site", title: "Site of the documentation", command: script("check-site.mjs") },
  { name: "exports", title: "Exports: names and docstrings", command: script("check-exports.mjs") },
  { name: "documents", title: "Code in documents", command: script("check-documents.mjs") },
  { name: "packages", title: "Packed packages", command: script("check-packages.mjs") },
  { name: "imports", title: "Imports of the built files", command: script("check-bare-imports.mjs") },
  { name: "sizes", title: "Sizes of the entry points", command: ["size-limit"] },
  { name: "rehearsal", title: "A release, rehearsed", command: script("rehearse-release.mjs") },
];

const { values: flags } = parseArgs({
  options: { "no-test": { type: "boolean" }, only: { type: "string" } },
});
const only = flags.only?.split(",");
const unknown = only?.filter((name) => !STEPS.some((step) => step.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `No such step: ${unknown.join(", ")}. There are: ${STEPS.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const steps = STEPS.filter(({ name }) =>
  only ? only.includes(name) : !(name === "test" && flags["no-test"]),
);

const startedAt = performance.now();
/** @type {{ step: Step, ok: boolean, took: string, output: string }[]} */
const results = [];
/** @type {Promise<void>[]} */
const beside = [];
for (const [index, step] of steps.entries()) {
  const heading = `\n=== ${index + 1}/${steps.length} ${step.title} (${step.name}) ===`;
  if (step.beside && index < steps.length - 1) {
    console.log(`${heading}\nruns beside the next steps; its output comes last`);
    beside.push(take(step, heading));
  } else {
    console.log(heading);
    await take(step);
  }
}
await Promise.all(beside);
results.sort((a, b) => steps.indexOf(a.step) - steps.indexOf(b.step));

console.log(`\nVerified in ${elapsed(startedAt)}`);
for (const { step, ok, took } of results)
  console.log(`  ${ok ? "passed" : "FAILED"}  ${took.padStart(8)}  ${step.title}`);
const failedSteps = results.filter(({ step, ok }) => !ok && step.name !== "test").length;
// A few steps chosen by name have no tests to count, unless the tests are among them: the steps are counted instead.
const tests =
  only && !only.includes("test")
    ? { passed: results.length - failedSteps, failed: 0, problems: [] }
    : (savedTotals() ?? { passed: 0, failed: 0, problems: [] });
// Once more, since they may stand thousands of lines above.
for (const { step, ok, output } of results) {
  if (!ok && step.name !== "test") console.log(`\n${step.title} ended with:\n${lastLines(output)}`);
}
for (const problem of tests.problems) console.log(`- ${problem}`);
printTotals({ passed: tests.passed, failed: tests.failed + failedSteps });
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;

/**
 * @param {string} file
 * @param {...string} args
 * @returns {string[]}
 */
function script(file, ...args) {
  return [process.execPath, join(root, "scripts", file), ...args];
}

/** @param {string} output */
function lastLines(output) {
  return output.trimEnd().split("\n").slice(-12).join("\n");
}

/**
 * @param {Step} step
 * @param {string} [heading] its output is kept, and told below this when it has ended
 */
async function take(step, heading) {
  const began = performance.now();
  const [program, ...args] = step.command;
  const { code, output } = await run(String(program), args, {
    cwd: root,
    quiet: heading !== undefined,
    keep: true,
  });
  results.push({ step, ok: code === 0, took: elapsed(began), output });
  if (heading !== undefined) console.log(`${heading}\n${output}`);
  console.log(`--- ${step.name} ${code === 0 ? "passed" : `FAILED with ${code}`} in ${elapsed(began)}`);
}
