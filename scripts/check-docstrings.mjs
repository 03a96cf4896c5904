// Everything that a published package exports has a docstring: what an editor shows is the first documentation that is read.
// - A number that is a time says its unit, in its name (`waitMs`) or in its docstring. A `Duration` says it by its type.
// - A function that refuses what it is given says with which error.
// Looks at the types of every entry point, through re-exports.

import { join } from "node:path";
import ts from "typescript";
import { publishedPackages } from "./lib/workspace.mjs";

const TIMES = new Set(
  "ttl time duration expires until delay wait waited age window latency newer reset retry longest shortest".split(
    " ",
  ),
);
const UNIT_IN_NAME = /Ms$|Seconds$|At$/;
const UNIT = /\b(?:ms|milliseconds?|seconds?)\b/i;
/** What checks input and throws, by the names that such functions have here. */
const REFUSES = /^(?:check|resolve|parse|refuse)[A-Z]\w*$/;
const ERRORS = /\b\w+Error\b|\berrors? of\b/;

/** @type {string[]} */
const problems = [];
let checked = 0;
for (const { directory, manifest, path } of publishedPackages()) {
  const entries = Object.values(manifest.exports ?? {})
    .map((target) =>
      typeof target === "object" && target !== null && "@crm/source" in target
        ? String(target["@crm/source"])
        : "",
    )
    .filter((source) => source.endsWith(".ts"));
  if (entries.length === 0) throw new Error(`${path} has no entry point that is looked at`);
  const config = ts.getParsedCommandLineOfConfigFile(join(directory, "tsconfig.json"), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, "\n"));
    },
  });
  const files = entries.map((entry) => join(directory, entry));
  const program = ts.createProgram(files, config?.options ?? {});
  const checker = program.getTypeChecker();
  for (const file of files) {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`${file} is no module`);
    for (const exported of checker.getExportsOfModule(module)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      // A re-export of another package is documented there.
      if (
        !symbol.declarations?.some((declaration) =>
          declaration.getSourceFile().fileName.startsWith(directory),
        )
      )
        continue;
      checked++;
      const name = `${path}: ${exported.name}, exported by ${file.slice(directory.length + 1)},`;
      if (symbol.getDocumentationComment(checker).length === 0) problems.push(`${name} has no docstring`);
      for (const declaration of symbol.declarations ?? []) {
        if (ts.isFunctionDeclaration(declaration)) {
          if (declaration.body && refuses(declaration.body) && !ERRORS.test(documentationOf(symbol, checker)))
            problems.push(`${name} refuses input, and its docstring names no error`);
        }
        if (!ts.isInterfaceDeclaration(declaration)) continue;
        for (const member of declaration.members) {
          const found = member.name && checker.getSymbolAtLocation(member.name);
          if (found && lacksUnit(found, symbol, checker))
            problems.push(`${name} has ${found.name}, a time whose unit nobody can know`);
        }
      }
    }
  }
}
for (const problem of new Set(problems)) console.error(problem);
console.log(`${checked} exports, ${problems.length} problems of their docstrings`);
if (problems.length > 0) process.exitCode = 1;

/**
 * @param {ts.Node} node
 * @returns {boolean} whether it throws, or calls what does; not whether functions inside it do, when they are called
 */
function refuses(node) {
  if (ts.isThrowStatement(node)) return true;
  if (ts.isCallExpression(node) && REFUSES.test(node.expression.getText())) return true;
  return ts.forEachChild(node, (child) => !ts.isFunctionLike(child) && refuses(child)) ?? false;
}

/**
 * @param {ts.Symbol} symbol
 * @param {ts.TypeChecker} checker
 * @returns {string} text and tags
 */
function documentationOf(symbol, checker) {
  const tags = symbol.getJsDocTags(checker).map(({ text }) => ts.displayPartsToString(text));
  return [ts.displayPartsToString(symbol.getDocumentationComment(checker)), ...tags].join("\n");
}

/**
 * @param {ts.Symbol} member
 * @param {ts.Symbol} owner may say it for all of them
 * @param {ts.TypeChecker} checker
 */
function lacksUnit(member, owner, checker) {
  const type = checker.typeToString(checker.getTypeOfSymbol(member));
  const words = member.name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
  if (!/^number(?: \| (?:null|undefined))*$/.test(type) || !words.some((word) => TIMES.has(word)))
    return false;
  const told = `${documentationOf(owner, checker)}\n${documentationOf(member, checker)}`;
  return !UNIT_IN_NAME.test(member.name) && !UNIT.test(told);
}
