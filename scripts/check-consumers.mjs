// Uses @crm/cache-core as a stranger would: the packed tarball in an empty project, with npm and nothing of this workspace.
//
// 1. alone: the cache runs over memory without ioredis, which is an optional peer;
// 2. with ioredis: the /redis entry loads;
// 3. its types check, library files included, under the module resolutions `nodenext` and `bundler`.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture } from "./lib/run.mjs";
import { pack, publishedPackages, readJson, root } from "./lib/workspace.mjs";

const FIXTURES = join(root, "scripts/fixtures/consumer");
const core = publishedPackages().find(({ manifest }) => manifest.name === "@crm/cache-core");
if (!core) throw new Error("@crm/cache-core is not among the published packages");
const versions = readJson(join(root, "package.json")).devDependencies;
const ioredis = core.manifest.devDependencies?.ioredis;

const project = mkdtempSync(join(tmpdir(), "crm-cache-consumer-"));
try {
  const tarball = await pack(core, project);
  cpSync(FIXTURES, project, { recursive: true });
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );

  await install(tarball);
  await step("runs over memory, without ioredis", process.execPath, ["memory.mjs"]);
  await install(
    `ioredis@${ioredis}`,
    `@types/node@${versions["@types/node"]}`,
    `typescript@${versions.typescript}`,
  );
  await step("loads the /redis entry with ioredis", process.execPath, ["redis.mjs"]);
  for (const resolution of ["nodenext", "bundler"]) {
    const tsc = join(project, "node_modules/typescript/bin/tsc");
    await step(`type-checks under ${resolution}`, process.execPath, [
      tsc,
      "-p",
      `tsconfig.${resolution}.json`,
    ]);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(project, { recursive: true, force: true });
}

/** @param {string[]} what */
function install(...what) {
  // `npm_*` names that pnpm sets for its scripts are no business of the stranger's npm.
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^npm_(package|lifecycle|command|execpath)/.test(name))
      .map((name) => [name, undefined]),
  );
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", ...what];
  return capture("npm", args, { cwd: project, env, timeoutMs: 240_000 });
}

/**
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 */
async function step(title, command, args) {
  await capture(command, args, { cwd: project, timeoutMs: 120_000 });
  console.log(`@crm/cache-core ${title}`);
}
