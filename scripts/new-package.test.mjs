import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { findRedis } from "./lib/find-redis.mjs";
import { newPackage } from "./lib/new-package.mjs";
import { capture } from "./lib/run.mjs";
import { readJson, root } from "./lib/workspace.mjs";

/** Also the type check, and the tests that need a server: CI has no time for them. */
const FULL = process.env.CI === undefined;
/** Part of a checkout. */
const copy = mkdtempSync(join(tmpdir(), "crm-cache-new-package-"));
const made = join(copy, "packages/cache-rate-plan");

before(async () => {
  const records = ["scripts/exports.json", "scripts/sizes.json"];
  for (const file of [".changeset", ".gitignore", "biome.json", "tsconfig.base.json", ...records]) {
    cpSync(join(root, file), join(copy, file), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const entry of readdirSync(join(root, "packages/cache-lock"), { withFileTypes: true })) {
    const file = join("packages/cache-lock", entry.name);
    if (entry.isFile()) cpSync(join(root, file), join(copy, file));
  }
  await newPackage(copy, ["rate-plan"]);
  // What an install would link.
  mkdirSync(join(made, "node_modules/@crm"), { recursive: true });
  for (const name of ["cache-core", "testkit"]) {
    symlinkSync(join(root, "packages", name), join(made, "node_modules/@crm", name));
  }
});
after(() => rmSync(copy, { recursive: true }));

test("has the manifest of the others", () => {
  const manifest = readJson(join(made, "package.json"));
  const model = readJson(join(copy, "packages/cache-lock/package.json"));
  assert.deepEqual(Object.keys(manifest), Object.keys(model));
  for (const field of ["version", "license", "exports", "files", "engines", "publishConfig", "scripts"]) {
    assert.deepEqual(manifest[field], model[field], field);
  }
  assert.equal(manifest.name, "@crm/cache-rate-plan");
});

test("is in the records, and in a changeset", () => {
  assert.deepEqual(readJson(join(copy, "scripts/exports.json"))["@crm/cache-rate-plan"], [
    "createRatePlan",
    "type RatePlan",
    "type RatePlanOptions",
  ]);
  assert.match(readJson(join(copy, "scripts/sizes.json"))["@crm/cache-rate-plan"].limit, /kB$/);
  assert.match(
    readFileSync(join(copy, ".changeset/new-rate-plan.md"), "utf8"),
    /^"@crm\/cache-rate-plan": minor$/m,
  );
});

test("has the chapters of a README in the order of the others", () => {
  const titles = (/** @type {string} */ file) =>
    [...readFileSync(file, "utf8").matchAll(/^## (.+)$/gm)].map(([, title]) => String(title));
  const those = titles(join(root, "packages/cache-lock/README.md"));
  const these = titles(join(made, "README.md"));
  assert.ok(these.length >= 6);
  assert.deepEqual(
    these,
    those.filter((title) => these.includes(title)),
  );
});

test("is formatted and linted", async () => {
  await capture("biome", ["check", "--error-on-warnings", "."], { cwd: copy });
});

test("its tests pass", async () => {
  const env = { NO_COLOR: "1", FORCE_COLOR: undefined, ...(FULL ? (await findRedis()).env : {}) };
  const files = FULL ? [] : ["src", "test/readme.test.ts"];
  const output = await capture("vitest", ["run", ...files], { cwd: made, env });
  assert.match(output, FULL ? /Test Files {2}4 passed/ : /Test Files {2}3 passed/);
  if (FULL) await capture("tsc", ["-p", "tsconfig.json"], { cwd: made });
});

for (const names of [[], ["Audit"], ["cache-audit"], ["a", "b"], ["../audit"], ["-x"]]) {
  test(`refuses ${JSON.stringify(names)} and writes nothing`, async () => {
    const before = readdirSync(join(copy, "packages"));
    await assert.rejects(newPackage(copy, names), /expected one name/);
    assert.deepEqual(readdirSync(join(copy, "packages")), before);
  });
}

test("refuses a name that is taken", async () => {
  await assert.rejects(newPackage(copy, ["lock"]), /expected packages\/cache-lock not to exist/);
});
