// `pnpm new:package <name>`: a package in the shape of the others, which passes every check as it is made.

import { parseArgs } from "node:util";
import { newPackage } from "./lib/new-package.mjs";
import { root } from "./lib/workspace.mjs";

const { positionals } = parseArgs({ allowPositionals: true });
try {
  const { path, name } = await newPackage(root, positionals);
  console.log(`${name} is in ${path}. Next:

1. npx pnpm@12 install
2. npx pnpm@12 test --filter=${name}
3. Put your own verb in the place of the one that it was made with, and say in its README what it does.
4. Add it to the tables and diagrams that name the packages: README.md, README.sr.md, docs/architecture.md.
5. npx pnpm@12 verify --only=lint,build,exports,packages,imports,sizes,rehearsal`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
