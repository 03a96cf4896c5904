import { existsSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The little of Docker's Engine API that the scripts need, over its socket: an engine can be there without the `docker`
 * command, and Testcontainers does not need the command either.
 *
 * @typedef {{ socketPath: string } | { host: string, port: number }} Engine
 */

/** @returns {Engine[]} where an engine may listen, in the order in which Testcontainers looks */
export function engineCandidates() {
  const configured = process.env.DOCKER_HOST;
  if (configured) return [parseDockerHost(configured)];
  return [
    "/var/run/docker.sock",
    process.env.XDG_RUNTIME_DIR && join(process.env.XDG_RUNTIME_DIR, "docker.sock"),
    join(homedir(), ".docker/run/docker.sock"),
    join(homedir(), ".docker/desktop/docker.sock"),
  ]
    .filter((path) => path && existsSync(path))
    .map((path) => ({ socketPath: String(path) }));
}

/**
 * @param {string} value as in DOCKER_HOST
 * @returns {Engine}
 */
function parseDockerHost(value) {
  const url = new URL(value);
  return url.protocol === "unix:"
    ? { socketPath: url.pathname }
    : { host: url.hostname, port: Number(url.port || 2375) };
}

/**
 * @param {Engine} engine
 * @param {string} method
 * @param {string} path
 * @param {{ body?: Buffer, timeoutMs?: number }} [options] the limit covers the whole call; 5 s by default
 * @returns {Promise<{ status: number, text: string }>}
 */
export function callEngine(engine, method, path, options = {}) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(options.timeoutMs ?? 5_000);
    const headers = options.body
      ? { "content-type": "application/x-tar", "content-length": options.body.length }
      : {};
    const call = request({ ...engine, method, path, headers, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end(options.body);
  });
}

/**
 * @param {Engine} engine
 * @returns {Promise<boolean>}
 */
export async function answers(engine) {
  try {
    return (await callEngine(engine, "GET", "/_ping")).status === 200;
  } catch {
    return false;
  }
}

/** @returns {Promise<Engine | undefined>} the first engine that answers */
export async function findEngine() {
  for (const engine of engineCandidates()) {
    if (await answers(engine)) return engine;
  }
  return undefined;
}
