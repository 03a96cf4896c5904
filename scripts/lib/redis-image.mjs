import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { callEngine } from "./docker-api.mjs";
import { capture, run, which } from "./run.mjs";

/** @typedef {import("./docker-api.mjs").Engine} Engine */

/** What the tests use when an engine can pull. */
export const OFFICIAL_IMAGE = "redis:7-alpine";
/** What is made here when it cannot. */
export const LOCAL_IMAGE = "crm-cache/redis:local";

/**
 * Sees to it that the engine has an image with `redis-server` on its PATH.
 *
 * @param {Engine} engine
 * @param {{ wanted?: string | undefined, preferLocal?: boolean }} [options] `wanted` is the only choice when given
 * @returns {Promise<{ image: string, ryuk: boolean } | { problem: string }>} `ryuk`: an engine that could not pull Redis
 *   cannot pull Testcontainers' reaper either, so it has to be switched off
 */
export async function ensureRedisImage(engine, { wanted, preferLocal = false } = {}) {
  if (wanted) {
    const problem = (await hasImage(engine, wanted)) ? undefined : await pullImage(engine, wanted);
    return problem ? { problem } : { image: wanted, ryuk: wanted !== LOCAL_IMAGE };
  }
  const official = async () =>
    (await hasImage(engine, OFFICIAL_IMAGE)) ? undefined : await pullImage(engine, OFFICIAL_IMAGE);
  const local = async () =>
    (await hasImage(engine, LOCAL_IMAGE)) ? undefined : await importRedisImage(engine);

  const problems = [];
  for (const way of preferLocal ? [local, official] : [official, local]) {
    const problem = await way();
    if (!problem) {
      return way === local ? { image: LOCAL_IMAGE, ryuk: false } : { image: OFFICIAL_IMAGE, ryuk: true };
    }
    problems.push(problem);
  }
  return { problem: problems.join("; ") };
}

/**
 * @param {Engine} engine
 * @param {string} image
 */
async function hasImage(engine, image) {
  return (await callEngine(engine, "GET", `/images/${image}/json`)).status === 200;
}

/**
 * @param {Engine} engine
 * @param {string} image
 * @returns {Promise<string | undefined>} what went wrong
 */
async function pullImage(engine, image) {
  const colon = image.lastIndexOf(":");
  const [name, tag] =
    colon > image.lastIndexOf("/") ? [image.slice(0, colon), image.slice(colon + 1)] : [image, "latest"];
  const query = new URLSearchParams({ fromImage: name, tag });
  try {
    const { status, text } = await callEngine(engine, "POST", `/images/create?${query}`, {
      timeoutMs: 120_000,
    });
    // The engine answers 200 before it starts; a pull that fails later says so in its stream of JSON lines.
    if (status === 200 && !text.includes('"errorDetail"')) return undefined;
    return `${image} cannot be pulled (status ${status})`;
  } catch (error) {
    return `${image} cannot be pulled (${error instanceof Error ? error.message : error})`;
  }
}

/**
 * Makes the local image without any registry: the installed programs, the shared libraries that they need, nothing else.
 * A shell is among them because Testcontainers' default wait strategy looks for open ports from the inside with one.
 *
 * @param {Engine} engine
 * @returns {Promise<string | undefined>} what went wrong
 */
async function importRedisImage(engine) {
  if (process.platform !== "linux")
    return "an image can be made from the installed redis-server on Linux only";
  if (!which("redis-server")) return "no redis-server is installed to make an image from";
  const tree = mkdtempSync(join(tmpdir(), "crm-cache-image-"));
  try {
    for (const name of ["data", "tmp", "bin", "usr/bin"]) mkdirSync(join(tree, name), { recursive: true });
    for (const name of ["redis-server", "redis-cli", "sh", "bash"]) {
      const program = which(name);
      if (!program) continue;
      const target = join(tree, name.endsWith("sh") ? "bin" : "usr/bin", name);
      cpSync(realpathSync(program), target);
      for (const library of await sharedLibraries(program)) {
        mkdirSync(dirname(join(tree, library)), { recursive: true });
        cpSync(realpathSync(library), join(tree, library));
      }
    }
    // The same program: its name decides whether it runs as a sentinel.
    symlinkSync("redis-server", join(tree, "usr/bin/redis-sentinel"));
    await capture("tar", ["-cf", `${tree}.tar`, "-C", tree, "."]);
    return await importTar(engine, `${tree}.tar`);
  } finally {
    rmSync(tree, { recursive: true, force: true });
    rmSync(`${tree}.tar`, { force: true });
  }
}

/**
 * @param {string} program
 * @returns {Promise<string[]>} absolute paths, the loader among them
 */
async function sharedLibraries(program) {
  const { output } = await run("ldd", [program], { quiet: true });
  return output.match(/\/[^\s()]+(?=\s+\(0x)/g) ?? [];
}

/**
 * `docker import`.
 *
 * @param {Engine} engine
 * @param {string} tarPath
 * @returns {Promise<string | undefined>} what went wrong
 */
async function importTar(engine, tarPath) {
  const [repo, tag] = LOCAL_IMAGE.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo: String(repo), tag: String(tag) });
  query.append("changes", "ENV PATH=/usr/bin:/bin");
  query.append("changes", "WORKDIR /data");
  const body = await readFile(tarPath);
  const { status, text } = await callEngine(engine, "POST", `/images/create?${query}`, {
    body,
    timeoutMs: 60_000,
  });
  return status === 200 && !text.includes('"errorDetail"')
    ? undefined
    : `the engine refused the local image: ${text}`;
}
