import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.mjs";

const NOT_SOURCES = new Set(["node_modules", "dist", "test", "coverage", ".turbo", ".data", ".screens"]);
const BUILT = ["main.js", "web/index.html", "postgres-template.tar.gz"].map(
  (name) => `apps/demo-crm/dist/${name}`,
);

/**
 * What the demo is built from, and what came of it: each file with its size and the time of its last change. Asking the build whether it
 * is current is exact and takes a process and a second; this takes milliseconds, and when in doubt the build is asked.
 *
 * @returns {Record<string, string>}
 */
export function describeBuild() {
  /** @type {Record<string, string>} */
  const files = {};
  /** @param {string} path relative to the root */
  const add = (path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    files[path] = found ? `${found.size} ${found.mtimeMs}` : "missing";
  };
  /** @param {string} path */
  const walk = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      if (NOT_SOURCES.has(entry.name)) continue;
      if (entry.isDirectory()) walk(`${path}/${entry.name}`);
      else add(`${path}/${entry.name}`);
    }
  };
  walk("apps/demo-crm");
  walk("packages");
  for (const path of ["pnpm-lock.yaml", "tsconfig.base.json", ...BUILT]) add(path);
  return files;
}

/**
 * @param {string} stamp where the description of the last build lies
 * @returns {boolean}
 */
export function isCurrent(stamp) {
  if (!existsSync(stamp)) return false;
  return readFileSync(stamp, "utf8") === JSON.stringify(describeBuild());
}
