import { connect } from "node:net";
import { aptInstall, canInstall } from "./apt.mjs";
import { findEngine } from "./docker-api.mjs";
import { ensureRedisImage } from "./redis-image.mjs";
import { which } from "./run.mjs";

/**
 * @typedef {object} FoundRedis
 * @property {string} how for the reader
 * @property {Record<string, string>} env what the tests are told: TEST_REDIS_VIA is `url`, `docker` or `local`
 */

/**
 * Finds a Redis for the tests: the server of TEST_REDIS_URL, then containers, then the `redis-server` on the PATH, then one
 * that is installed here and now. Throws with what to do when there is none; the tests are never skipped.
 *
 * @returns {Promise<FoundRedis>}
 */
export async function findRedis() {
  return (await fromUrl()) ?? (await fromDocker()) ?? (await fromPath()) ?? fail();
}

/** @returns {Promise<FoundRedis | undefined>} */
async function fromUrl() {
  const value = process.env.TEST_REDIS_URL;
  if (!value) return undefined;
  const url = URL.parse(value);
  if (!url?.protocol.match(/^rediss?:$/)) {
    throw new Error("TEST_REDIS_URL is not a redis:// or rediss:// URL");
  }
  const address = `${url.hostname}:${url.port || 6379}`;
  // Chosen by hand, so a server that is not there is an error and no reason to look further.
  await reach(url.hostname.replace(/^\[|\]$/g, ""), Number(url.port || 6379)).catch((error) => {
    throw new Error(`TEST_REDIS_URL names ${address}, which does not answer: ${error.message}`);
  });
  // Suites that kill servers, or need a cluster, start their own beside it, in containers or from the PATH.
  if (!which("redis-server") && canInstall() && !(await findEngine())) await aptInstall(["redis-server"]);
  return { how: `TEST_REDIS_URL (${address})`, env: { TEST_REDIS_VIA: "url" } };
}

/** @returns {Promise<FoundRedis | undefined>} */
async function fromDocker() {
  const engine = await findEngine();
  if (!engine) return undefined;
  const made = await ensureRedisImage(engine, { wanted: process.env.TEST_REDIS_IMAGE });
  if ("problem" in made) {
    console.log(`A Docker engine answers, but has no image to start: ${made.problem}. Looking further.`);
    return undefined;
  }
  return { how: `Testcontainers (${made.image})`, env: dockerEnv(made.image, made.ryuk) };
}

/**
 * @param {string} image
 * @param {boolean} ryuk whether the reaper of Testcontainers can be pulled
 * @returns {Record<string, string>}
 */
export function dockerEnv(image, ryuk) {
  return {
    TEST_REDIS_VIA: "docker",
    TEST_REDIS_IMAGE: image,
    ...(ryuk ? {} : { TESTCONTAINERS_RYUK_DISABLED: "true" }),
  };
}

/** @returns {Promise<FoundRedis | undefined>} */
async function fromPath() {
  if (!which("redis-server") && canInstall()) await aptInstall(["redis-server"]);
  const path = which("redis-server");
  return path ? { how: `local ${path}`, env: { TEST_REDIS_VIA: "local" } } : undefined;
}

/** @returns {never} */
function fail() {
  throw new Error(
    [
      "The tests need a Redis and found none. Do one of these and run them again:",
      "  - start Docker: the tests then start what they need in containers",
      "  - install redis-server 7 or later (apt-get install redis-server, brew install redis)",
      "  - set TEST_REDIS_URL to a server that may be written to (its keys outside the tests' prefixes stay)",
    ].join("\n"),
  );
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<void>}
 */
function reach(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 2_000 }, () => {
      socket.destroy();
      resolve();
    });
    socket.on("timeout", () => socket.destroy(new Error("no connection within 2 s")));
    socket.on("error", reject);
  });
}
