// Every block of TypeScript in the documents is compiled, against the sources of the packages and the demo, and those marked `ts run`
// are run, in memory, by a reader who has set nothing. Those in a published package's README are left out: its own tests run
// them. Blocks of shell and JSON have to parse.
//
// What a block takes for granted stands before it, where a reader does not see it:
//
//   <!-- given
//   declare const id: string;
//   -->
//
// A path that begins with "demo/" is one of the demo's sources. A program prints what its comments say: `console.log(x); // → 42`.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { capture, run } from "./lib/run.mjs";
import { publishedPackages, root } from "./lib/workspace.mjs";

/** @typedef {{ document: string, number: number, language: string, marks: string[], given: string, code: string }} Block */

const DEMO = join(root, "apps/demo-crm");
/** Inside the demo, which depends on all packages. Ignored by git. */
const FOLDER = join(DEMO, ".documents");
const BLOCK = /(?:<!-- given\n([\s\S]*?)-->\s*)?^```(\w+)([^\n]*)\n([\s\S]*?)^```/gm;
const PRINTED = /console\.log\(.*\/\/ → (.*)$/gm;

const runByTests = publishedPackages().map(({ path }) => `${path}/README.md`);
const documents = (await capture("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { cwd: root }))
  .split("\n")
  .filter((path) => path !== "" && !runByTests.includes(path));
const blocks = documents.flatMap(blocksOf);
const programs = blocks.filter(({ language }) => language === "ts" || language === "typescript");
if (programs.length === 0) throw new Error("No block of TypeScript was found in any document");

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER);
const problems = [...(await compile(programs)), ...(await parseOthers(blocks))];
const toRun = programs.filter(({ marks }) => marks.includes("run"));
// Nothing is run that does not compile.
if (problems.length === 0) for (const block of toRun) problems.push(...(await execute(block)));
for (const problem of problems) console.error(problem);
if (problems.length === 0) {
  console.log(
    `${programs.length} blocks of TypeScript in documents compile, ${toRun.length} of them were run.`,
  );
  rmSync(FOLDER, { recursive: true, force: true });
} else {
  console.error(`The programs are kept in ${relative(root, FOLDER)}.`);
  process.exitCode = 1;
}

/**
 * @param {string} document
 * @returns {Block[]}
 */
function blocksOf(document) {
  const text = readFileSync(join(root, document), "utf8");
  return [...text.matchAll(BLOCK)].map(([, given = "", language = "", marks = "", code = ""], index) => ({
    document,
    number: index + 1,
    language,
    marks: marks.trim().split(" "),
    given,
    code,
  }));
}

/** @param {Block} block */
function fileOf({ document, number }) {
  return `${document.replaceAll(/[^a-z0-9]+/gi, "-")}-${number}.ts`;
}

/** @param {Block} block */
function placeOf({ document, number }) {
  return `${document}, block ${number}`;
}

/**
 * @param {readonly Block[]} programs
 * @returns {Promise<string[]>} what is wrong
 */
async function compile(programs) {
  for (const block of programs) {
    // A program stands as it is; anything else may return and await.
    const text = block.marks.includes("run") ? block.code : programOf(block.given, block.code);
    writeFileSync(join(FOLDER, fileOf(block)), text);
  }
  writeFileSync(
    join(FOLDER, "tsconfig.json"),
    JSON.stringify({ extends: "../tsconfig.json", include: ["*.ts"], exclude: [] }),
  );
  const { code, output } = await run("tsc", ["-p", FOLDER], { cwd: DEMO, quiet: true });
  if (code === 0) return [];
  let told = output;
  for (const block of programs)
    told = told.replaceAll(
      relative(DEMO, join(FOLDER, fileOf(block))),
      `${placeOf(block)} (${fileOf(block)})`,
    );
  return [told];
}

/**
 * @param {Block} block
 * @returns {Promise<string[]>} what is wrong
 */
async function execute(block) {
  const unset = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => name.startsWith("REDIS_"))
      .map((name) => [name, undefined]),
  );
  const { code, output } = await run(
    process.execPath,
    ["--conditions=@crm/source", join(FOLDER, fileOf(block))],
    {
      cwd: FOLDER,
      quiet: true,
      timeoutMs: 20_000,
      env: { ...unset, NODE_NO_WARNINGS: "1" },
    },
  );
  const expected = [...block.code.matchAll(PRINTED)].map(([, line]) => line).join("\n");
  const printed = output.replace(/^No Redis is configured: .*\n/gm, "").trimEnd();
  if (code === 0 && printed === expected) return [];
  return [`${placeOf(block)} ended with ${code} and printed\n${printed}\ninstead of\n${expected}`];
}

/**
 * @param {readonly Block[]} blocks
 * @returns {Promise<string[]>} what is wrong with those of other languages
 */
async function parseOthers(blocks) {
  const found = [];
  for (const block of blocks) {
    if (block.language === "sh") {
      const { code, output } = await run("bash", ["-n", "-c", block.code], { quiet: true });
      if (code !== 0) found.push(`${placeOf(block)}: ${output}`);
    } else if (block.language === "json") {
      try {
        JSON.parse(block.code);
      } catch (error) {
        found.push(`${placeOf(block)}: ${error}`);
      }
    } else if (!["ts", "typescript", "mermaid", "sql"].includes(block.language)) {
      found.push(`${placeOf(block)} is of ${block.language}, which nobody checks`);
    }
  }
  return found;
}

/**
 * Imports stay at the top; the rest is the body of a function, so that a block may return and await.
 *
 * @param {string} given
 * @param {string} block
 */
function programOf(given, block) {
  const isImport = (/** @type {string} */ line) => /^import .*;$/.test(line);
  const split = (/** @type {string} */ text, /** @type {boolean} */ imports) =>
    text.split("\n").filter((line) => isImport(line) === imports);
  const imports = [...split(given, true), ...split(block, true)].map((line) =>
    line.replace(/"demo\/(.*)"/, '"../src/$1"').replace('"./cache"', '"../src/cache/index.ts"'),
  );
  const body = ["async function block() {", ...split(block, false), "}", "void block;", "export {};", ""];
  return [...imports, ...split(given, false), ...body].join("\n");
}
