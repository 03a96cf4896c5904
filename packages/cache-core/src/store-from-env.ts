import { type Logger, silentLogger } from "./logger.ts";
import { memoryStore } from "./memory-store.ts";
import { readRedisEnv } from "./read-redis-env.ts";
import type { RedisStoreOptions } from "./redis/options.ts";
import { redisStore } from "./redis/redis-store.ts";
import type { Store } from "./store.ts";

/** Options of `storeFromEnv`. */
export interface StoreFromEnvOptions {
  /** Told which store was taken. @default silent, but for one warning on standard error when it is the memory store */
  logger?: Logger | undefined;
}

/**
 * The store that the environment names: `REDIS_URL`, or `REDIS_HOST` with `REDIS_PORT`, `REDIS_USERNAME`,
 * `REDIS_PASSWORD`, `REDIS_DB` and `REDIS_TLS`, or `REDIS_CLUSTER_NODES`, or `REDIS_SENTINELS` with
 * `REDIS_SENTINEL_NAME`. With none of them the embedded memory store, and one log line that says so.
 *
 * Throws `InvalidConfigurationError`, which names the variables that are wrong and never shows a secret.
 */
export function storeFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: StoreFromEnvOptions = {},
): Store {
  const settings = readRedisEnv(env);
  if (settings === null) {
    const message =
      "No Redis is configured: the embedded memory store is used, which other processes do not see";
    if (options.logger === undefined) process.stderr.write(`${message}.\n`);
    else options.logger.info({ store: "memory" }, message);
    return memoryStore();
  }
  (options.logger ?? silentLogger).info(
    { store: "redis", topology: settings.topology },
    "Redis is the store",
  );
  const { username, password } = settings;
  const common: RedisStoreOptions = { username, password, ...(settings.tls ? { tls: {} } : {}) };
  switch (settings.topology) {
    case "standalone":
      return redisStore({ ...common, host: settings.host, port: settings.port, db: settings.db });
    case "cluster":
      return redisStore({ ...common, nodes: settings.nodes });
    case "sentinel":
      return redisStore({
        ...common,
        sentinels: settings.sentinels,
        name: settings.name,
        sentinelPassword: settings.sentinelPassword,
        db: settings.db,
      });
  }
}
