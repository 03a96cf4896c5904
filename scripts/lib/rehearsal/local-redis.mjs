import { startRedis } from "../../../packages/testkit/src/start-redis.ts";
import { findRedis } from "../find-redis.mjs";

/** @typedef {{ nextUrl: () => string, stop: () => Promise<void> }} LocalRedis `nextUrl` gives an empty database each time */

/**
 * A Redis of our own on loopback, with nothing in it; from where the tests have theirs.
 *
 * @returns {Promise<LocalRedis>}
 */
export async function startLocalRedis() {
  Object.assign(process.env, (await findRedis()).env);
  const redis = await startRedis({ config: { databases: 1_000 } });
  let database = 0;
  return {
    nextUrl: () => `${redis.url}/${database++}`,
    stop: () => redis.stop(),
  };
}
