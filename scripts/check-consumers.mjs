// Uses the packages as a stranger would: packed tarballs in empty projects, with npm and nothing of this workspace.
//
// cache-core: alone, the cache runs over memory without ioredis, which is an optional peer; with ioredis, the /redis entry
// loads; its types check, library files included, under the module resolutions `nodenext` and `bundler`.
//
// Each other package: beside cache-core and what it declares nothing is installed; the first program of its README runs
// (over memory, in Node as it is), and its types check, under the two resolutions in turns.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture } from "./lib/run.mjs";
import { pack, publishedPackages, readJson, root } from "./lib/workspace.mjs";

const FIXTURES = join(root, "scripts/fixtures/consumer");
const packages = publishedPackages();
const core = packages.find(({ manifest }) => manifest.name === "@crm/cache-core");
if (!core) throw new Error("@crm/cache-core is not among the published packages");
const versions = readJson(join(root, "package.json")).devDependencies;
const ioredis = core.manifest.devDependencies?.ioredis;
const TOOLS = [`@types/node@${versions["@types/node"]}`, `typescript@${versions.typescript}`];
const RESOLUTIONS = ["nodenext", "bundler"];
const TSC = "node_modules/typescript/bin/tsc";

const folder = mkdtempSync(join(tmpdir(), "crm-cache-consumer-"));
try {
  const coreTarball = await pack(core, folder);
  await useCore(coreTarball);
  for (const [turn, satellite] of packages.filter((found) => found !== core).entries()) {
    await useAlone(satellite, coreTarball, String(RESOLUTIONS[turn % 2]));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} tarball */
async function useCore(tarball) {
  const project = makeProject("core");
  const step = stepsOf("@crm/cache-core", project);
  await install(project, tarball);
  await step("runs over memory, without ioredis", ["memory.mjs"]);
  await install(project, `ioredis@${ioredis}`, ...TOOLS);
  await step("loads the /redis entry with ioredis", ["redis.mjs"]);
  for (const resolution of RESOLUTIONS) {
    await step(`type-checks under ${resolution}`, [TSC, "-p", `tsconfig.${resolution}.json`]);
  }
}

/**
 * @param {import("./lib/workspace.mjs").WorkspacePackage} satellite
 * @param {string} coreTarball
 * @param {string} resolution
 */
async function useAlone(satellite, coreTarball, resolution) {
  const { manifest, directory, path } = satellite;
  const project = makeProject(path.replace("packages/", ""));
  const step = stepsOf(manifest.name, project);
  await install(project, coreTarball, await pack(satellite, folder));
  const names = [core, satellite].flatMap((each) => Object.keys(each?.manifest.dependencies ?? {}));
  // Top-level folders of node_modules: names, or scopes.
  const declared = [...new Set(["@crm", ...names.map((name) => String(name.split("/")[0]))])];
  const found = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  if (found.sort().join() !== declared.sort().join()) {
    throw new Error(
      `${manifest.name}: ${declared.join(", ")} should be installed, and ${found.join(", ")} are`,
    );
  }
  const program = /^```ts run\n(.*?)^```/ms.exec(readFileSync(join(directory, "README.md"), "utf8"))?.[1];
  if (program === undefined) throw new Error(`${path}/README.md has no program`);
  writeFileSync(join(project, "usage.ts"), program);
  await step("alone: the first program of its README runs", ["usage.ts"]);
  // The compiler of the first project, so that nothing more is installed here.
  const tools = join(folder, "core");
  const types = ["--typeRoots", join(tools, "node_modules/@types")];
  await step(`type-checks under ${resolution}`, [
    join(tools, TSC),
    "-p",
    `tsconfig.${resolution}.json`,
    ...types,
  ]);
}

/**
 * @param {string} name
 * @returns {string} an empty project, with the programs of a consumer
 */
function makeProject(name) {
  const project = join(folder, name);
  mkdirSync(project);
  cpSync(FIXTURES, project, { recursive: true });
  const manifest = { name: "consumer", private: true, type: "module" };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  return project;
}

/**
 * @param {string} project
 * @param {string[]} what
 */
function install(project, ...what) {
  // `npm_*` names that pnpm sets for its scripts are no business of the stranger's npm.
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^npm_(package|lifecycle|command|execpath)/.test(name))
      .map((name) => [name, undefined]),
  );
  const args = [
    "install",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--loglevel=error",
    "--prefer-offline",
  ];
  return capture("npm", [...args, ...what], { cwd: project, env, timeoutMs: 240_000 });
}

/**
 * @param {string} name
 * @param {string} project
 */
function stepsOf(name, project) {
  // Without the servers that the environment may name: what is shown needs none.
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter((each) => each.startsWith("REDIS_"))
      .map((each) => [each, undefined]),
  );
  return async (/** @type {string} */ title, /** @type {string[]} */ args) => {
    await capture(process.execPath, args, { cwd: project, env, timeoutMs: 120_000 });
    console.log(`${name} ${title}`);
  };
}
