// A release, rehearsed on a registry of its own: published by changesets, installed by strangers, upgraded twice.
//
//   pnpm rehearse          a diagonal of the matrix: each package, manager, Node, TypeScript and resolution
//   pnpm rehearse --all    the whole matrix
//
// In an empty folder for each package, outside the workspace: the package is installed alone, its README's first example runs
// over memory; then ioredis is added, the same example runs over Redis and its types check. Then a patch comes by `update`, and
// a minor by `install …@latest`, and each time the example still runs. Nothing that nobody declares may be installed.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allCells, diagonalCells } from "./lib/rehearsal/cells.mjs";
import { Consumer } from "./lib/rehearsal/consumer.mjs";
import { firstExample } from "./lib/rehearsal/first-example.mjs";
import { startLocalRedis } from "./lib/rehearsal/local-redis.mjs";
import { startRegistry } from "./lib/rehearsal/local-registry.mjs";
import { ReleaseCopy } from "./lib/rehearsal/release-copy.mjs";
import { installToolbox } from "./lib/rehearsal/toolbox.mjs";
import { elapsed } from "./lib/run.mjs";
import { publishedPackages } from "./lib/workspace.mjs";

/** @typedef {import("./lib/rehearsal/cells.mjs").Cell} Cell */
/** @typedef {{ cell: Cell, consumer: Consumer, usesStore: boolean }} Stranger */

const { values: flags } = parseArgs({ options: { all: { type: "boolean", default: false } } });
const packages = publishedPackages();
const names = packages.map(({ manifest }) => manifest.name);
const cells = flags.all ? allCells(names) : diagonalCells(names);

const folder = mkdtempSync(join(tmpdir(), "crm-cache-rehearsal-"));
const registryFolder = join(folder, "registry");
const copyFolder = join(folder, "copy");
for (const path of [registryFolder, copyFolder]) mkdirSync(path);

let runs = 0;
let checks = 0;
const startedAt = performance.now();
const registry = await startRegistry(registryFolder);
/** @type {import("./lib/rehearsal/local-redis.mjs").LocalRedis | undefined} */
let redis;
try {
  redis = await startLocalRedis();
  const { nextUrl } = redis;
  const [copy, toolbox] = await Promise.all([ReleaseCopy.make(copyFolder, registry), installToolbox()]);
  console.log(`Tools and a registry after ${elapsed(startedAt)}`);

  const first = await release(copy, undefined);
  const strangers = cells.map((cell, i) => meet(cell, i, toolbox));
  const withStore = strangers.filter(({ usesStore }) => usesStore);
  await eachOf(strangers, "installed alone", async ({ consumer }) => {
    await consumer.installAlone();
    consumer.checkInstalled(first);
  });
  await inTurn(strangers, "run over memory", (stranger) => runExample(stranger, toolbox));
  await eachOf(withStore, "given ioredis", async ({ consumer }) => {
    await consumer.install("ioredis");
    consumer.checkInstalled(first);
  });
  await inTurn(withStore, "run over Redis", (stranger) => runExample(stranger, toolbox, nextUrl));
  await eachOf(strangers, "type-checked", (stranger) => checkTypes(stranger, toolbox));

  const patch = await release(copy, "patch");
  await eachOf(strangers, "updated to the patch", async ({ consumer }) => {
    await consumer.update();
    consumer.checkInstalled(patch);
  });
  await inTurn(strangers, "run after the patch", (stranger) => runExample(stranger, toolbox, nextUrl));

  const minor = await release(copy, "minor");
  await eachOf(strangers, "upgraded to the minor", async ({ consumer }) => {
    await consumer.upgrade();
    consumer.checkInstalled(minor);
  });
  await inTurn(strangers, "run after the minor", (stranger) => runExample(stranger, toolbox, nextUrl));
  // Nothing but versions differs from what was checked above.
  if (flags.all) await eachOf(strangers, "type-checked again", (stranger) => checkTypes(stranger, toolbox));
  console.log(
    `${cells.length} folders, 3 releases, ${runs} runs, ${checks} type checks, in ${elapsed(startedAt)}`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await redis?.stop();
  await registry.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * @param {ReleaseCopy} copy
 * @param {"patch" | "minor" | undefined} bump
 * @returns {Promise<string>} the version
 */
async function release(copy, bump) {
  const version = await copy.version(bump);
  await copy.publish();
  console.log(`Published ${names.length} packages of ${version} after ${elapsed(startedAt)}`);
  return version;
}

/**
 * @param {Cell} cell
 * @param {number} i
 * @param {import("./lib/rehearsal/toolbox.mjs").Toolbox} toolbox
 * @returns {Stranger}
 */
function meet(cell, i, toolbox) {
  const { name, manager } = cell;
  const directory = packages.find(({ manifest }) => manifest.name === name)?.directory ?? "";
  const example = firstExample(directory);
  const consumer = new Consumer(join(folder, `stranger-${i}`), { name, manager, registry, toolbox, example });
  return { cell, consumer, usesStore: example.code.includes("storeFromEnv") };
}

/**
 * @param {Stranger} stranger
 * @param {import("./lib/rehearsal/toolbox.mjs").Toolbox} toolbox
 * @param {() => string} [nextUrl] of a Redis
 */
async function runExample({ cell, consumer, usesStore }, toolbox, nextUrl) {
  for (const version of cell.nodes) {
    await consumer.runExample(String(toolbox.nodes[version]), usesStore ? nextUrl?.() : undefined);
    runs += 1;
  }
}

/**
 * @param {Stranger} stranger
 * @param {import("./lib/rehearsal/toolbox.mjs").Toolbox} toolbox
 */
async function checkTypes({ cell, consumer }, toolbox) {
  for (const { typescript, resolution } of cell.checks) {
    await consumer.typeCheck(process.execPath, String(toolbox.tscs[typescript]), resolution);
    checks += 1;
  }
}

/**
 * Two at a time, which is what a small machine has cores for.
 *
 * @param {Stranger[]} strangers
 * @param {string} what
 * @param {(stranger: Stranger) => Promise<void>} action
 */
async function eachOf(strangers, what, action) {
  const queue = [...strangers];
  const work = async () => {
    for (let stranger = queue.shift(); stranger; stranger = queue.shift()) await take(stranger, what, action);
  };
  await Promise.all([work(), work()]);
  console.log(`${strangers.length} ${what} after ${elapsed(startedAt)}`);
}

/**
 * One at a time, and nothing beside: a program that has milliseconds for its first connection is not run beside an install.
 *
 * @param {Stranger[]} strangers
 * @param {string} what
 * @param {(stranger: Stranger) => Promise<void>} action
 */
async function inTurn(strangers, what, action) {
  for (const stranger of strangers) await take(stranger, what, action);
  console.log(`${strangers.length} ${what} after ${elapsed(startedAt)}`);
}

/**
 * @param {Stranger} stranger
 * @param {string} what
 * @param {(stranger: Stranger) => Promise<void>} action
 */
async function take(stranger, what, action) {
  const { name, manager, nodes, checks } = stranger.cell;
  const types = checks.map(({ typescript, resolution }) => `${typescript} ${resolution}`).join(", ");
  await action(stranger).catch((error) => {
    const title = `${name} with ${manager}, Node ${nodes.join(", ")}, TypeScript ${types}`;
    throw new Error(`${title}: not ${what}: ${error.message}`);
  });
}
