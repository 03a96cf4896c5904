// What the built files import is what the manifest declares, both ways.
//
// tsup leaves dependencies and peers alone but bundles what is only a devDependency, and it does so silently: the code then
// swallows the package while its `.d.ts` still imports it. publint and attw do not notice. Hence:
// - every bare import in dist (code and types) is a dependency, a peer, the package itself, or a part of Node;
// - every dependency is imported somewhere in dist, or it is dead weight for the consumer.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { publishedPackages, workspacePackages } from "./lib/workspace.mjs";

let failures = 0;
const published = new Set(publishedPackages().map(({ path }) => path));

for (const { path, directory, manifest } of workspacePackages()) {
  const dist = join(directory, "dist");
  if (!path.startsWith("packages/") || !existsSync(dist)) {
    if (published.has(path)) fail(`${path}/dist does not exist: run \`pnpm build\` first`);
    continue;
  }
  const declared = new Set([
    manifest.name,
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
    ...Object.keys(manifest.optionalDependencies ?? {}),
  ]);
  const imported = new Set();
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (!/\.(js|d\.ts)$/.test(file)) continue;
    for (const name of bareImports(readFileSync(join(dist, file), "utf8"))) {
      imported.add(name);
      if (!declared.has(name))
        fail(`${path}/dist/${file} imports ${name}, which ${path}/package.json does not declare`);
    }
  }
  if (!published.has(path)) continue;
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!imported.has(name)) fail(`${path}/package.json depends on ${name}, which nothing in dist imports`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;

/**
 * @param {string} text
 * @returns {string[]} package names, without Node's own modules
 */
function bareImports(text) {
  return specifiers(ts.createSourceFile("built.ts", text, ts.ScriptTarget.Latest))
    .filter((specifier) => !specifier.startsWith(".") && !isBuiltin(specifier))
    .map((specifier) =>
      specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    );
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  failures += 1;
}

/**
 * What a file imports. Parsed: `ts.preProcessFile` is quicker, and takes a regular expression with a backtick for the beginning of a template.
 *
 * @param {ts.SourceFile} file
 * @returns {string[]}
 */
function specifiers(file) {
  /** @type {string[]} */
  const found = [];
  /** @param {ts.Node | undefined} node */
  function note(node) {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push(node.text);
  }
  /** @param {ts.Node} node */
  function visit(node) {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) note(node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) note(node.argument.literal);
    else if (ts.isExternalModuleReference(node)) note(node.expression);
    else if (ts.isModuleDeclaration(node)) note(node.name);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      note(node.arguments[0]);
    ts.forEachChild(node, visit);
  }
  visit(file);
  return found;
}
