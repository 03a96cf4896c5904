import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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

/**
 * Writes it as `pnpm format` would.
 *
 * @param {string} path
 * @param {unknown} value
 */
export async function writeJson(path, value) {
  writeFileSync(path, JSON.stringify(value));
  await capture("biome", ["format", "--write", path], { cwd: dirname(path) });
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
 * @typedef {object} EntryPoint
 * @property {string} name what a consumer imports
 * @property {string} source its file, absolute
 * @property {string} built what is published for it, absolute
 */

/**
 * @param {WorkspacePackage} found
 * @returns {EntryPoint[]} those that hold code
 */
export function entryPoints({ directory, manifest }) {
  return Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) => {
    if (typeof target !== "object" || target === null || !("@crm/source" in target)) return [];
    const { "@crm/source": source, default: built } = /** @type {Record<string, string>} */ (target);
    const name = subpath.replace(/^\./, manifest.name);
    return [{ name, source: join(directory, String(source)), built: join(directory, String(built)) }];
  });
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
