import { chooseBackend, readEnvironment } from "./internal/choose-backend.ts";
import { externalServer } from "./internal/external-server.ts";
import { type RedisConfig, serverArgs } from "./internal/server-args.ts";
import { launch } from "./internal/server-handle.ts";
import type { RedisServer } from "./redis-server.ts";

export type { ConfigValue, RedisConfig } from "./internal/server-args.ts";

/** What {@link startRedis} takes. */
export interface StartRedisOptions {
  /**
   * Directives of `redis.conf`, e.g. `{ maxmemory: "8mb", "maxmemory-policy": "allkeys-lru" }`. A directive of
   * several words is an array.
   *
   * @default {} on top of `save ""`, `appendonly no`
   */
  readonly config?: RedisConfig | undefined;
  /** Append-only file, synced on every write: what was acknowledged survives `kill()`. @default false */
  readonly persist?: boolean | undefined;
  /** Password of the default user. @default none */
  readonly password?: string | undefined;
  /**
   * Insists on a server of our own, since the test wants to kill, pause or restart it. Implied by the other options.
   * Without it the server at `TEST_REDIS_URL` is used when that is set, and refuses those verbs.
   *
   * @default false
   */
  readonly control?: boolean | undefined;
}

/**
 * Starts (or finds) one Redis server.
 *
 * Looks at `TEST_REDIS_URL`, then for a Docker engine that has the image `TEST_REDIS_IMAGE`, then for a local
 * `redis-server`; `TEST_REDIS_VIA` (`url`, `docker` or `local`) insists on one of them. Finding none is an error, never
 * a reason to skip a test.
 *
 * @example
 * ```ts
 * await using redis = await startRedis({ config: { maxmemory: "8mb" } });
 * const client = await redis.client();
 * await redis.pause();
 * ```
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const { persist = false, password, config = {} } = options;
  const { via, url } = readEnvironment();
  const needsOwn =
    options.control === true || persist || password !== undefined || Object.keys(config).length > 0;
  if (url !== undefined && (via === undefined || via === "url") && !needsOwn) return externalServer(url);
  const args = serverArgs({ persist, password, config });
  return launch(await chooseBackend(), { args, talksToOthers: false }, { persist, password });
}
