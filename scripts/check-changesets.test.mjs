import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { root } from "./lib/workspace.mjs";

let checkout = "";
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "changesets-"));
  git("init", "-q", "-b", "main");
  write("packages/cache-core/src/index.ts", "export const one = 1;");
  commit();
  git("tag", "@crm/cache-core@0.1.0");
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

test("a source that changed asks for a changeset, and is named", () => {
  write("packages/cache-core/src/index.ts", "export const one = 2;");
  const { status, stderr } = check();
  assert.equal(status, 1);
  assert.match(stderr, /packages\/cache-core\/src\/index\.ts/);
});

test("with a changeset it passes, committed or not", () => {
  write("packages/cache-core/src/index.ts", "export const one = 2;");
  write(".changeset/two.md", "---\n---\n");
  assert.equal(check().status, 0);
  commit();
  assert.equal(check().status, 0);
});

test("the commit of a release passes, which has used up its changesets and has no tag yet", () => {
  write("packages/cache-core/src/index.ts", "export const one = 2;");
  write("packages/cache-core/CHANGELOG.md", "## 0.2.0");
  commit();
  assert.equal(check().status, 0);
});

test("a test asks for none", () => {
  write("packages/cache-core/src/index.test.ts", "");
  assert.equal(check().status, 0);
});

/** @param {...string} args */
function git(...args) {
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], { cwd: checkout });
}

/**
 * @param {string} path
 * @param {string} text
 */
function write(path, text) {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), text);
}

function commit() {
  git("add", "-A");
  git("commit", "-q", "-m", "change");
}

function check() {
  return spawnSync(process.execPath, [join(root, "scripts/check-changesets.mjs")], {
    cwd: checkout,
    encoding: "utf8",
  });
}
