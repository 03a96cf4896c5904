// What an editor shows is the first documentation that is read:
// - everything exported has a docstring;
// - a number that is a time says its unit, in its name (`waitMs`) or in its docstring; a `Duration` says it by its type;
// - a function that refuses what it is given says with which error.

import ts from "typescript";

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

/**
 * @param {ts.Symbol} symbol an export, not an alias of it
 * @param {ts.TypeChecker} checker
 * @returns {string[]} what is wrong with its docstring, as clauses
 */
export function docstringProblems(symbol, checker) {
  /** @type {string[]} */
  const problems = [];
  if (symbol.getDocumentationComment(checker).length === 0) problems.push("has no docstring");
  for (const declaration of symbol.declarations ?? []) {
    if (ts.isFunctionDeclaration(declaration)) {
      if (declaration.body && refuses(declaration.body) && !ERRORS.test(documentationOf(symbol, checker)))
        problems.push("refuses input, and its docstring names no error");
    }
    if (!ts.isInterfaceDeclaration(declaration)) continue;
    for (const member of declaration.members) {
      const found = member.name && checker.getSymbolAtLocation(member.name);
      if (found && lacksUnit(found, symbol, checker))
        problems.push(`has ${found.name}, a time whose unit nobody can know`);
    }
  }
  return problems;
}

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
