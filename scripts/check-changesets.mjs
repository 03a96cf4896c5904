// A change of a cache package's source, or of what its manifest asks of a user, comes with a changeset: `.changeset/<name>.md`, made by
// `pnpm changeset`.
//
// "Change" is counted from where this branch left origin/main; on main itself from the last version tag. A checkout that
// has neither (a shallow clone, a fresh repository) has nothing to compare with, and says so.

import { join } from "node:path";
import { capture, run } from "./lib/run.mjs";
import { readJson } from "./lib/workspace.mjs";

// The checkout that it is called in, so that a test can give it another.
const root = process.cwd();
const MANIFEST = /^packages\/cache-[^/]+\/package\.json$/;
/** What of a manifest a user notices. Its version is what a changeset becomes. */
const FIELDS = ["exports", "bin", "engines", "dependencies", "peerDependencies", "peerDependenciesMeta"];
const SOURCE = /^packages\/cache-[^/]+\/src\/(?!.*\.test(-d)?\.ts$)/;
const CHANGELOG = /^packages\/cache-[^/]+\/CHANGELOG\.md$/;
const CHANGESET = /^\.changeset\/(?!README)[^/]+\.md$/;

const base = await findBase();
if (!base) {
  console.log("No origin/main and no version tag to compare with: nothing to check.");
} else {
  const changed = await changedSince(base);
  const manifests = [];
  for (const path of changed.filter((path) => MANIFEST.test(path))) {
    if (await asksForMore(base, path)) manifests.push(path);
  }
  const sources = [...changed.filter((path) => SOURCE.test(path)), ...manifests];
  const changesets = changed.filter((path) => CHANGESET.test(path));
  // A release has used up its changesets, and its tag comes later.
  const released = changed.some((path) => CHANGELOG.test(path));
  if (sources.length > 0 && changesets.length === 0 && !released) {
    console.error(`These changed since ${base}, and no changeset says so. Run \`pnpm changeset\`:`);
    for (const path of sources) console.error(`  ${path}`);
    process.exitCode = 1;
  } else {
    console.log(
      `${sources.length} files that users notice and ${changesets.length} changesets changed since ${base}.`,
    );
  }
}

/**
 * @param {string} base
 * @param {string} path of a manifest
 */
async function asksForMore(base, path) {
  const before = JSON.parse((await git("show", `${base}:${path}`)) ?? "{}");
  const now = readJson(join(root, path));
  return FIELDS.some((field) => JSON.stringify(before[field]) !== JSON.stringify(now[field]));
}

/** @returns {Promise<string | undefined>} */
async function findBase() {
  const fork = await git("merge-base", "HEAD", "origin/main");
  const head = await git("rev-parse", "HEAD");
  if (fork && fork !== head) return fork;
  const tag = await git("describe", "--tags", "--abbrev=0", "--match", "@crm/cache-core@*");
  return tag || fork;
}

/**
 * @param {string} base
 * @returns {Promise<string[]>} committed or not; a changeset that a release has used up is no longer there
 */
async function changedSince(base) {
  const tracked = await capture("git", ["diff", "--name-only", "--diff-filter=d", base], { cwd: root });
  const untracked = await capture("git", ["ls-files", "--others", "--exclude-standard"], { cwd: root });
  return [...tracked.split("\n"), ...untracked.split("\n")].filter(Boolean);
}

/**
 * @param {...string} args
 * @returns {Promise<string | undefined>}
 */
async function git(...args) {
  const { code, output } = await run("git", args, { cwd: root, quiet: true });
  return code === 0 ? output.trim() : undefined;
}
