// Writes into each published manifest which repository it comes from. The registry compares that with the provenance and refuses
// a package that says something else; a fork, or a repository that moves, then need not change a file.
//
// For the release workflow, before it packs: GitHub sets both variables. The changed manifests are not committed.

import { join } from "node:path";
import { publishedPackages, readJson, writeJson } from "./lib/workspace.mjs";

const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
if (!server || !/^[\w.-]+\/[\w.-]+$/.test(repository ?? "")) {
  console.error(
    `expected GITHUB_SERVER_URL and GITHUB_REPOSITORY=<owner>/<name>, got ${JSON.stringify({ server, repository })}: this runs in a workflow of GitHub`,
  );
  process.exit(1);
}
for (const { directory, path } of publishedPackages()) {
  const file = join(directory, "package.json");
  const url = `git+${server}/${repository}.git`;
  await writeJson(file, { ...readJson(file), repository: { type: "git", url, directory: path } });
}
