import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { capture } from "./run.mjs";

/** The root of the checkout. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {Record<string, unknown>} [exports]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, string>} [devDependencies]
 */

/** @typedef {{ directory: string, path: string, manifest: Manifest }} WorkspacePackage `path` is relative to the root */

/**
 * @param {string} path
 * @returns {any}
 */
export function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** @returns {WorkspacePackage[]} every package of apps/ and packages/, by path, and docs */
export function workspacePackages() {
  const inFolder = (/** @type {string} */ parent) =>
    readdirSync(join(root, parent))
      .sort()
      .map((name) => `${parent}/${name}`);
  return [...inFolder("apps"), "docs", ...inFolder("packages")]
    .map((path) => ({ path, directory: join(root, path) }))
    .filter(({ directory }) => existsSync(join(directory, "package.json")))
    .map((found) => ({ ...found, manifest: readJson(join(found.directory, "package.json")) }));
}

/** @returns {WorkspacePackage[]} those that a release publishes */
export function publishedPackages() {
  return workspacePackages().filter(({ manifest }) => !manifest.private);
}

/**
 * Packs a built package as a release would. pnpm, not npm: only pnpm rewrites `workspace:` and `catalog:` ranges.
 *
 * @param {WorkspacePackage} found
 * @param {string} destination an existing folder
 * @returns {Promise<string>} the path of the tarball
 */
export async function pack(found, destination) {
  if (!existsSync(join(found.directory, "dist"))) {
    throw new Error(`${found.path}/dist does not exist: run \`pnpm build\` first`);
  }
  await capture("pnpm", ["pack", "--pack-destination", destination], { cwd: found.directory });
  return join(
    destination,
    `${found.manifest.name.replace("@", "").replace("/", "-")}-${found.manifest.version}.tgz`,
  );
}
