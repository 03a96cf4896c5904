import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../run.mjs";
import { readJson, root } from "../workspace.mjs";

/** The majors that are promised to work. */
export const NODES = ["22", "24", "26"];
export const TYPESCRIPTS = ["5.9", "6.0", "7.0"];

/**
 * @typedef {object} Toolbox
 * @property {Record<string, string>} nodes the executable of each
 * @property {Record<string, string>} tscs the tsc of each, to be run by Node
 * @property {string} typeRoots holds the types of Node
 */

/**
 * Every Node and TypeScript of the matrix, outside the consumers' folders: the workspace's own, and the others installed once
 * in a checkout, from the registry that the user has configured.
 *
 * @returns {Promise<Toolbox>}
 */
export async function installToolbox() {
  const folder = join(root, "node_modules/.cache/release-toolbox");
  const modules = join(folder, "node_modules");
  const own = join(root, "node_modules");
  const hasNode = (/** @type {string} */ version) => process.version.startsWith(`v${version}.`);
  const hasTypeScript = (/** @type {string} */ version) =>
    readJson(join(own, "typescript/package.json")).version.startsWith(`${version}.`);

  const wanted = {
    name: "toolbox",
    private: true,
    dependencies: {
      // The package `node` downloads this one in a script; without it nothing has to run.
      ...Object.fromEntries(
        NODES.filter((version) => !hasNode(version)).map((version) => [
          `node-${version}`,
          `npm:node-${process.platform}-${process.arch}@${version}`,
        ]),
      ),
      ...Object.fromEntries(
        TYPESCRIPTS.filter((version) => !hasTypeScript(version)).map((version) => [
          `typescript-${version}`,
          `npm:typescript@~${version}.0`,
        ]),
      ),
    },
  };
  await installOnce(folder, JSON.stringify(wanted));

  const toolbox = {
    nodes: Object.fromEntries(
      NODES.map((version) => [
        version,
        hasNode(version) ? process.execPath : join(modules, `node-${version}/bin/node`),
      ]),
    ),
    tscs: Object.fromEntries(
      TYPESCRIPTS.map((version) => [
        version,
        join(hasTypeScript(version) ? own : modules, tscOf(version, hasTypeScript(version))),
      ]),
    ),
    typeRoots: join(own, "@types"),
  };
  for (const [version, node] of Object.entries(toolbox.nodes)) {
    const answer = (await capture(node, ["--version"])).trim();
    if (!answer.startsWith(`v${version}.`)) throw new Error(`expected Node ${version}, got ${answer}`);
  }
  for (const [version, tsc] of Object.entries(toolbox.tscs)) {
    const answer = (await capture(process.execPath, [tsc, "--version"])).trim();
    if (!answer.startsWith(`Version ${version}.`)) {
      throw new Error(`expected TypeScript ${version}, got ${answer}`);
    }
  }
  return toolbox;
}

/**
 * @param {string} folder
 * @param {string} manifest what it should hold
 */
async function installOnce(folder, manifest) {
  const stamp = join(folder, "installed.json");
  if (existsSync(stamp) && JSON.stringify(readJson(stamp)) === manifest) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), manifest);
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  await capture("npm", args, { cwd: folder, timeoutMs: 300_000 });
  writeFileSync(stamp, manifest);
}

/**
 * @param {string} version
 * @param {boolean} own
 */
function tscOf(version, own) {
  return join(own ? "typescript" : `typescript-${version}`, "bin/tsc");
}
