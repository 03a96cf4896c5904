// Each published package as it would be published: publint on the packed tarball, and no range in the packed manifest that
// only this workspace understands.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, run } from "./lib/run.mjs";
import { pack, publishedPackages, root } from "./lib/workspace.mjs";

const folder = mkdtempSync(join(tmpdir(), "crm-cache-pack-"));
let failures = 0;
try {
  for (const found of publishedPackages()) {
    const tarball = await pack(found, folder);
    console.log(found.manifest.name);
    const { code } = await run("publint", ["run", tarball, "--strict"], { cwd: root });
    if (code !== 0) failures += 1;

    const manifest = await capture("tar", ["-xzOf", tarball, "package/package.json"]);
    for (const [range] of manifest.matchAll(/"(workspace|catalog|link|file):[^"]*"/g)) {
      console.error(
        `  ${found.path}: the packed manifest contains ${range}, which means nothing to a consumer`,
      );
      failures += 1;
    }
    const files = (await capture("tar", ["-tzf", tarball])).split("\n");
    for (const wanted of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "src/index.ts"]) {
      if (files.includes(`package/${wanted}`)) continue;
      console.error(`  ${found.path}: ${wanted} is not in the tarball`);
      failures += 1;
    }
    for (const file of files.filter((name) => /\.test(-d)?\.ts$/.test(name))) {
      console.error(`  ${found.path}: ${file} is a test and is in the tarball`);
      failures += 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
