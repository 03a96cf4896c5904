// Every block of TypeScript in the documents is compiled, against the sources of the packages and the demo. Those in a package's
// README are left out: its own tests run them.
//
// What a block takes for granted stands before it, where a reader does not see it:
//
//   <!-- given
//   declare const id: string;
//   -->
//
// A path that begins with "demo/" is one of the demo's sources.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { capture, run } from "./lib/run.mjs";
import { root } from "./lib/workspace.mjs";

const DEMO = join(root, "apps/demo-crm");
/** Inside the demo, which depends on all packages. Ignored by git. */
const FOLDER = join(DEMO, ".documents");
const BLOCK = /(?:<!-- given\n([\s\S]*?)-->\s*)?```(?:ts|typescript)\b[^\n]*\n([\s\S]*?)```/g;
const RUN_BY_TESTS = /^packages\/[^/]+\/README\.md$/;

/** @type {Map<string, string>} file of a block → where it stands */
const places = new Map();
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER);
const tracked = (
  await capture("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { cwd: root })
).split("\n");
for (const document of tracked.filter((path) => path !== "" && !RUN_BY_TESTS.test(path))) {
  const text = readFileSync(join(root, document), "utf8");
  for (const [number, match] of [...text.matchAll(BLOCK)].entries()) {
    const file = `${document.replaceAll(/[^a-z0-9]+/gi, "-")}-${number + 1}.ts`;
    writeFileSync(join(FOLDER, file), programOf(match[1] ?? "", match[2] ?? ""));
    places.set(file, `${document}, block ${number + 1}`);
  }
}
if (places.size === 0) throw new Error("No block of TypeScript was found in any document");
writeFileSync(
  join(FOLDER, "tsconfig.json"),
  JSON.stringify({ extends: "../tsconfig.json", include: ["*.ts"], exclude: [] }),
);
const { code, output } = await run("tsc", ["-p", FOLDER], { cwd: DEMO, quiet: true });
if (code === 0) {
  console.log(`${places.size} blocks of TypeScript in documents compile.`);
  rmSync(FOLDER, { recursive: true, force: true });
} else {
  let told = output;
  for (const [file, place] of places)
    told = told.replaceAll(relative(DEMO, join(FOLDER, file)), `${place} (${file})`);
  console.error(told);
  console.error(`The programs are kept in ${relative(root, FOLDER)}.`);
  process.exitCode = 1;
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
