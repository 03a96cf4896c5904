// Everything that a published package exports has a docstring: what an editor shows is the first documentation that is read.
// Looks at the types of every entry point, through re-exports.

import { join } from "node:path";
import ts from "typescript";
import { publishedPackages } from "./lib/workspace.mjs";

let missing = 0;
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
      if (symbol.getDocumentationComment(checker).length > 0) continue;
      missing++;
      console.error(
        `${path}: ${exported.name}, exported by ${file.slice(directory.length + 1)}, has no docstring`,
      );
    }
  }
}
console.log(`${checked} exports, ${missing} without a docstring`);
if (missing > 0) process.exitCode = 1;
