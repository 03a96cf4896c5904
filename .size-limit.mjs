// What an entry point costs whoever imports all of it: bundled with its dependencies, minified, brotli. Left out are the optional
// peers, and cache-core, which is counted once. A server downloads none of this, but parses all of it at every start.
//
// A ceiling of scripts/sizes.json is the size when it was set and a tenth. What needs more raises it, and its reason says what for.

import { join } from "node:path";
import { entryPoints, publishedPackages, readJson, root } from "./scripts/lib/workspace.mjs";

const CORE = "@crm/cache-core";

/** @type {Record<string, { limit: string, message: string }>} */
const CEILINGS = readJson(join(root, "scripts/sizes.json"));

const entries = publishedPackages().flatMap((found) =>
  entryPoints(found).map((entry) => ({ ...entry, found })),
);
const unknown = Object.keys(CEILINGS).filter((name) => !entries.some((entry) => entry.name === name));
if (unknown.length > 0)
  throw new Error(`scripts/sizes.json: no package has the entry point ${unknown.join(", ")}`);

export default entries.map(({ name, built, found: { manifest } }) => {
  const ceiling = CEILINGS[name];
  if (!ceiling?.message) throw new Error(`scripts/sizes.json: ${name} needs a ceiling, and a reason for it`);
  return {
    name,
    path: built,
    ...ceiling,
    modifyEsbuildConfig: (/** @type {object} */ config) => ({
      ...config,
      format: "esm",
      platform: "node",
      target: "node22",
      logOverride: { "ignored-bare-import": "silent" },
      external: [
        ...Object.keys(manifest.peerDependencies ?? {}),
        ...(manifest.name === CORE ? [] : [CORE, `${CORE}/*`]),
      ],
    }),
  };
});
