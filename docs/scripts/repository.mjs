// The repository as the site needs it. A package imports nothing from outside its folder, so this repeats a little of the
// root's scripts.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The root of the checkout. */
export const root = dirname(dirname(import.meta.dirname));

/** @typedef {{ name: string, private?: boolean, exports: Record<string, Record<string, string>> }} Manifest */

/** @returns {{ directory: string, path: string, manifest: Manifest }[]} `path` is relative to the root */
export function publishedPackages() {
  return readdirSync(join(root, "packages"))
    .sort()
    .map((name) => ({
      path: `packages/${name}`,
      directory: join(root, "packages", name),
      manifest: JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")),
    }))
    .filter(({ manifest }) => !manifest.private);
}
