// What a linter does not look for, in every file that git tracks or would track:
// - a path of the machine it was written on, or one that leaves the checkout;
// - a Markdown link to a file or heading that does not exist;
// - a test that is focused, skipped or still to be written;
// - a host in the lockfile: installs go to whatever registry the user has configured;
// - in a workflow, an action that is not pinned to a commit, a job with whatever permissions it is given, a cache where something is published.

import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { capture } from "./lib/run.mjs";
import { root } from "./lib/workspace.mjs";

/** Folders so common that a file may well name them; a checkout directly inside one is searched for by its full path only. */
const COMMON = new Set([
  "/",
  "/app",
  "/build",
  "/home",
  "/mnt",
  "/opt",
  "/root",
  "/src",
  "/srv",
  "/tmp",
  "/usr",
  "/var",
]);
const parent = dirname(root);
const machinePaths = [root, ...[parent, homedir()].filter((path) => !COMMON.has(path))].map(
  (path) => new RegExp(`(?<![\\w.})-])${escapePattern(path)}/`),
);

const RELATIVE = /(?<![\w./])(?:\.\.\/)+[\w@-][\w@./-]*/g;
const NOT_RUN = /\b(?:describe|suite|it|test|bench)(?:\.\w+)*\.(?:only|skip|skipIf|runIf|todo)\b/g;
const LINK = /(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)/g;
const BINARY = /\.(png|jpe?g|gif|ico|gz|tgz|zip|bin|woff2?|pdf|sqlite)$/;

/** @type {string[]} */
const found = [];
for (const path of (
  await capture("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
).split("\0")) {
  if (!path || BINARY.test(path) || !existsSync(join(root, path)) || !statSync(join(root, path)).isFile())
    continue;
  const text = readFileSync(join(root, path), "utf8");
  if (path === "pnpm-lock.yaml") {
    checkLockfile(path, text);
    continue;
  }
  checkPaths(path, text);
  if (/\.(test|test-d|bench)\.ts$/.test(path)) checkTests(path, text);
  if (path.endsWith(".md")) checkLinks(path, text);
  if (/^\.github\/workflows\/.*\.ya?ml$/.test(path)) checkWorkflow(path, text);
}
for (const line of found) console.error(line);
console.log(found.length === 0 ? "Nothing found." : `${found.length} found.`);
process.exitCode = found.length === 0 ? 0 : 1;

/**
 * @param {string} path
 * @param {string} text
 */
function checkPaths(path, text) {
  for (const pattern of machinePaths) {
    const match = pattern.exec(text);
    if (match) report(path, text, match.index, `${match[0]} is a path of this machine`);
  }
  for (const match of text.matchAll(RELATIVE)) {
    const target = resolve(root, dirname(path), match[0]);
    const beside = resolve(parent, match[0].replace(/^(\.\.\/)+/, "").split("/")[0] ?? "");
    // Tests may climb as far as they like in their strings, unless something is really there.
    const leaves = !`${target}/`.startsWith(`${root}/`) && (!/\.test\.ts$/.test(path) || existsSync(target));
    // Written for a reader at the root, wherever the file itself is.
    const namesNeighbour = beside !== root && existsSync(beside) && !existsSync(target);
    if (leaves || namesNeighbour) report(path, text, match.index, `${match[0]} leaves the checkout`);
  }
}

/**
 * @param {string} path
 * @param {string} text
 */
function checkTests(path, text) {
  for (const match of text.matchAll(NOT_RUN)) report(path, text, match.index, `${match[0]}: every test runs`);
}

/**
 * @param {string} path
 * @param {string} text
 */
function checkLinks(path, text) {
  for (const match of text.matchAll(LINK)) {
    const link = match[1] ?? "";
    if (/^[a-z]+:/.test(link)) continue;
    const [file, heading] = link.split("#");
    const target = file ? resolve(root, dirname(path), file) : join(root, path);
    if (!existsSync(target)) report(path, text, match.index, `the link ${link} leads nowhere`);
    else if (heading && target.endsWith(".md") && !headings(target).has(heading.toLowerCase())) {
      report(path, text, match.index, `${relative(root, target)} has no heading #${heading}`);
    }
  }
}

/**
 * @param {string} file
 * @returns {Set<string>} the anchors that GitHub gives a Markdown file, explicit ones among them
 */
function headings(file) {
  const text = readFileSync(file, "utf8");
  const explicit = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map((match) => String(match[1]));
  const titles = [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6}\s+(.+?)\s*$/gm)].map((match) =>
    String(match[1])
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
  return new Set([...explicit, ...titles]);
}

/**
 * @param {string} path
 * @param {string} text
 */
function checkWorkflow(path, text) {
  for (const match of text.matchAll(/^[ -]*uses:(?! (?:\.\/|[\w./-]+@[0-9a-f]{40} # v[\d.]+$)).*$/gm)) {
    report(path, text, match.index, `${match[0].trim()}: expected <action>@<commit> # v<version>`);
  }
  if (!/^permissions:/m.test(text)) report(path, text, 0, "expected permissions for the whole workflow");
  if (!text.includes("id-token: write")) return;
  const nodes = text.match(/uses: actions\/setup-node@/g)?.length ?? 0;
  const without = text.match(/package-manager-cache: false/g)?.length ?? 0;
  if (/uses: actions\/cache|^ *cache:/m.test(text) || nodes !== without) {
    report(
      path,
      text,
      0,
      "expected no cache in a workflow that publishes: package-manager-cache: false for each setup-node",
    );
  }
}

/**
 * @param {string} path
 * @param {string} text
 */
function checkLockfile(path, text) {
  // Deprecation notices quote their authors' links.
  for (const match of text.matchAll(/^(?!.*deprecated:).*(https?:\/\/[^\s'",}]+)/gm)) {
    report(path, text, match.index, `${match[1]} names a host`);
  }
}

/**
 * @param {string} path
 * @param {string} text
 * @param {number} index
 * @param {string} message
 */
function report(path, text, index, message) {
  found.push(`${path}:${text.slice(0, index).split("\n").length}: ${message}`);
}

/** @param {string} text for use in a regular expression */
function escapePattern(text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
