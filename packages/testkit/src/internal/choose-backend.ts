import type { Backend } from "./backend.ts";
import { dockerAnswers, dockerBackend } from "./docker-backend.ts";
import { hasLocalRedis, localBackend } from "./local-backend.ts";

const WHAT_TO_DO = `No Redis for the tests. Do one of these:
  - set TEST_REDIS_URL to a server that may be written to, e.g. redis://127.0.0.1:6379
  - start Docker (image: TEST_REDIS_IMAGE, default redis:7-alpine)
  - install redis-server 7 or later so that it is in the PATH
TEST_REDIS_VIA=url|docker|local insists on one of them.`;

/** What the environment says about where to find a Redis. */
export interface Environment {
  readonly via: "url" | "docker" | "local" | undefined;
  readonly url: string | undefined;
}

/** Reads `TEST_REDIS_VIA` and `TEST_REDIS_URL`. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const via = env.TEST_REDIS_VIA || undefined;
  const url = env.TEST_REDIS_URL || undefined;
  if (via !== undefined && via !== "url" && via !== "docker" && via !== "local") {
    throw new Error(`TEST_REDIS_VIA must be url, docker or local; it is ${JSON.stringify(via)}`);
  }
  if (via === "url" && url === undefined) throw new Error("TEST_REDIS_VIA=url needs TEST_REDIS_URL");
  return { via, url };
}

let chosen: Promise<Backend> | undefined;

/** The way to start servers of our own; looked for once a process. */
export function chooseBackend(): Promise<Backend> {
  chosen ??= choose(readEnvironment());
  return chosen;
}

async function choose({ via }: Environment): Promise<Backend> {
  if (via === "local") {
    if (hasLocalRedis()) return localBackend;
    throw new Error(`TEST_REDIS_VIA=local, but there is no redis-server in the PATH.\n${WHAT_TO_DO}`);
  }
  if (via === "docker") {
    if (await dockerAnswers()) return dockerBackend;
    throw new Error(`TEST_REDIS_VIA=docker, but no Docker engine answers.\n${WHAT_TO_DO}`);
  }
  const docker = await dockerAnswers();
  if (docker && (await docker.hasImage())) return dockerBackend;
  // Pulling an image is slow or impossible where there is no network: only when nothing else is left.
  if (hasLocalRedis()) return localBackend;
  if (docker) return dockerBackend;
  throw new Error(WHAT_TO_DO);
}
