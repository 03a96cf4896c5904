// What a published package exports, by entry point and through re-exports:
// - has a docstring that says what a reader needs (lib/docstring-problems.mjs);
// - is what `exports.json` names, so that a name comes and goes where a reviewer sees it.
//
//   node scripts/check-exports.mjs            compares
//   node scripts/check-exports.mjs --write    records what there is

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import ts from "typescript";
import { docstringProblems } from "./lib/docstring-problems.mjs";
import { entryPoints, publishedPackages, readJson, root, writeJson } from "./lib/workspace.mjs";

const { values: flags } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const RECORD = join(root, "scripts/exports.json");

/** @type {Record<string, string[]>} entry point → what it exports; a name that is only a type says so */
const exported = {};
/** Of docstrings. @type {Set<string>} */
const problems = new Set();
let checked = 0;
const entries = publishedPackages().flatMap((found) => {
  const own = entryPoints(found);
  if (own.length === 0) throw new Error(`${found.path} has no entry point that is looked at`);
  return own.map((entry) => ({ ...entry, directory: found.directory }));
});
// One program for all of them: each reads the sources of cache-core.
const { options } = ts.parseJsonConfigFileContent(readJson(join(root, "tsconfig.base.json")), ts.sys, root);
const program = ts.createProgram(
  entries.map(({ source }) => source),
  options,
);
const checker = program.getTypeChecker();
for (const { name, source, directory } of entries) {
  const file = program.getSourceFile(source);
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) throw new Error(`${source} is no module`);
  exported[name] = checker
    .getExportsOfModule(module)
    .map((symbol) => take(symbol, directory, name))
    .sort();
}

const before = existsSync(RECORD) ? readJson(RECORD) : {};
const changes = flags.write ? [] : differences(before, exported);
if (flags.write) await writeJson(RECORD, exported);
for (const found of [...problems, ...changes]) console.error(found);
if (changes.length > 0)
  console.error("If that is meant, run `pnpm exec node scripts/check-exports.mjs --write`.");
console.log(
  `${checked} exports, ${problems.size} problems of their docstrings, ${changes.length} come or gone`,
);
if (problems.size + changes.length > 0) process.exitCode = 1;

/**
 * @param {ts.Symbol} symbol
 * @param {string} directory of the package
 * @param {string} entry
 * @returns {string} how the record calls it
 */
function take(symbol, directory, entry) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  // A re-export of another package is documented there.
  if (target.declarations?.some((found) => found.getSourceFile().fileName.startsWith(directory))) {
    checked += 1;
    for (const problem of docstringProblems(target, checker))
      problems.add(`${entry}: ${symbol.name} ${problem}`);
  }
  const isTypeOnly =
    (target.flags & ts.SymbolFlags.Value) === 0 ||
    symbol.declarations?.some(
      (found) => ts.isExportSpecifier(found) && ts.isTypeOnlyExportDeclaration(found),
    );
  return isTypeOnly ? `type ${symbol.name}` : symbol.name;
}

/**
 * @param {Record<string, string[]>} before
 * @param {Record<string, string[]>} now
 * @returns {string[]} for the reader
 */
function differences(before, now) {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((entry) => {
    const [was, is] = [new Set(before[entry]), new Set(now[entry])];
    return [
      ...[...is].filter((name) => !was.has(name)).map((name) => `${entry}: exports ${name}, which is new`),
      ...[...was].filter((name) => !is.has(name)).map((name) => `${entry}: ${name} is gone`),
    ];
  });
}
