// `pnpm demo`: runs the demo CRM with the arguments that this process gets, in this process; builds it before when it is not built as
// the files are now.

import { mkdirSync, writeFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describeBuild, isCurrent } from "./lib/build-stamp.mjs";
import { root } from "./lib/workspace.mjs";

const cache = join(root, "node_modules/.cache/demo-crm");
const stamp = join(cache, "built.json");
const main = join(root, "apps/demo-crm/dist/main.js");

async function build() {
  const { run } = await import("./lib/run.mjs");
  // The demo alone: it is made from the sources of the packages, which need not be built for it.
  const { code } = await run(process.execPath, [join(root, "apps/demo-crm/scripts/build.mjs")]);
  if (code !== 0) return false;
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify(describeBuild()));
  return true;
}

if (isCurrent(stamp) || (await build())) {
  // What was compiled at the first start need not be at the next.
  const { NODE_COMPILE_CACHE = join(cache, "compiled") } = process.env;
  enableCompileCache(NODE_COMPILE_CACHE);
  // For the instances, which are processes of their own.
  Object.assign(process.env, { NODE_COMPILE_CACHE });
  // As a developer one wants to know where in the sources; reading the maps takes longer than all the rest.
  if (process.env.NODE_ENV === "development") process.setSourceMapsEnabled(true);
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else process.exitCode = 1;
