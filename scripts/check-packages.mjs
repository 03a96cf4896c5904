// Each published package as it would be published: publint and attw on the packed tarball, nothing in it but what belongs
// there, no range in the packed manifest that only this workspace understands, the repository's licence, and the fields that
// make a release public and signed.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, run } from "./lib/run.mjs";
import { pack, publishedPackages, readJson, root } from "./lib/workspace.mjs";

/** What every packed manifest says, word for word. */
const FIELDS = {
  license: readJson(join(root, "package.json")).license,
  type: "module",
  sideEffects: false,
  engines: { node: ">=22.12" },
  publishConfig: { access: "public", provenance: true },
};
const LICENSE = readFileSync(join(root, "LICENSE"), "utf8");

const folder = mkdtempSync(join(tmpdir(), "crm-cache-pack-"));
let failures = 0;
try {
  for (const found of publishedPackages()) {
    const tarball = await pack(found, folder);
    console.log(found.manifest.name);
    const { code } = await run("publint", ["run", tarball, "--strict"], { cwd: root });
    if (code !== 0) failures += 1;

    // The types that each entry point resolves to. ESM only, so what CommonJS and Node 10 would see is left out.
    const types = await run("attw", [tarball, "--profile", "esm-only", "--no-emoji", "--format", "ascii"], {
      cwd: root,
      quiet: true,
    });
    if (types.code !== 0) {
      console.error(types.output);
      failures += 1;
    }

    const manifest = await capture("tar", ["-xzOf", tarball, "package/package.json"]);
    for (const [range] of manifest.matchAll(/"(workspace|catalog|link|file):[^"]*"/g)) {
      console.error(
        `  ${found.path}: the packed manifest contains ${range}, which means nothing to a consumer`,
      );
      failures += 1;
    }
    for (const complaint of fieldsAmiss(JSON.parse(manifest))) {
      console.error(`  ${found.path}: ${complaint}`);
      failures += 1;
    }
    if ((await capture("tar", ["-xzOf", tarball, "package/LICENSE"])) !== LICENSE) {
      console.error(`  ${found.path}: LICENSE is not the repository's`);
      failures += 1;
    }
    const files = (await capture("tar", ["-tzf", tarball])).split("\n");
    for (const wanted of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "src/index.ts"]) {
      if (files.includes(`package/${wanted}`)) continue;
      console.error(`  ${found.path}: ${wanted} is not in the tarball`);
      failures += 1;
    }
    for (const file of files.filter((name) => name !== "" && !belongs(name.replace(/^package\//, "")))) {
      console.error(`  ${found.path}: ${file} is in the tarball and does not belong there`);
      failures += 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

/**
 * @param {Record<string, any>} manifest
 * @returns {string[]} for the reader
 */
function fieldsAmiss(manifest) {
  const wrong = Object.entries(FIELDS)
    .filter(([name, wanted]) => JSON.stringify(manifest[name]) !== JSON.stringify(wanted))
    .map(
      ([name, wanted]) =>
        `expected ${name} to be ${JSON.stringify(wanted)}, got ${JSON.stringify(manifest[name])}`,
    );
  const empty = ["description", "keywords"].filter((name) => !manifest[name]?.length);
  return [...wrong, ...empty.map((name) => `${name} is missing: the registry finds a package by it`)];
}

/** @param {string} file its path in the package */
function belongs(file) {
  if (/\.test(-d)?\.|__snapshots__/.test(file)) return false;
  return (
    /^(dist|src)\//.test(file) || ["package.json", "README.md", "CHANGELOG.md", "LICENSE"].includes(file)
  );
}
