import { createRequire } from "node:module";
import type { ClusterOptions, RedisOptions } from "ioredis";
import { InvalidConfigurationError } from "../errors.ts";
import type { ClusterCommandClass } from "./cluster-call.ts";
import type { RedisLike } from "./redis-like.ts";
import type { CommandClass } from "./script-call.ts";

/** The constructors that the store uses, by shape: their full types differ between ioredis 5 and 6. */
interface IoRedis {
  readonly Redis: new (...options: (string | RedisOptions)[]) => RedisLike;
  readonly Cluster: new (
    nodes: readonly { host: string; port: number }[],
    options: ClusterOptions,
  ) => RedisLike;
  readonly Command: CommandClass & ClusterCommandClass;
}

/**
 * Loads ioredis when the first client is made, not before: it is an optional peer, and whoever passes a client of
 * their own, or uses the memory store, does not need it here. ioredis is CommonJS, so this can be done at once.
 */
export function loadIoredis(): IoRedis {
  try {
    return createRequire(import.meta.url)("ioredis") as IoRedis;
  } catch (cause) {
    throw new InvalidConfigurationError({
      variables: ["ioredis"],
      problem: "expected the package to be installed, but it is not",
      advice: "Run `npm install ioredis`, or pass a `client` of your own.",
      cause,
    });
  }
}

/**
 * The class of the commands of a client that the store made; `undefined` where a command has to do more than to be sent:
 * to find its node in a Cluster, or what an option of ioredis asks of each.
 */
export function commandClassFor(client: RedisLike): CommandClass | undefined {
  const { commandTimeout, showFriendlyErrorStack } = client.options as RedisOptions;
  const plain = client.isCluster !== true && commandTimeout === undefined && showFriendlyErrorStack !== true;
  return plain ? loadIoredis().Command : undefined;
}

/** The same of a Cluster that the store made; `undefined` for any other client. */
export function clusterCommandClassFor(client: RedisLike): ClusterCommandClass | undefined {
  return client.isCluster === true ? loadIoredis().Command : undefined;
}
