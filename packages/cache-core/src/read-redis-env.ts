import { InvalidConfigurationError } from "./errors.ts";
import { parseRedisVariables, type RedisVariables, type UrlParts } from "./internal/redis-variables.ts";

/** A server's address. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** How to log in. Holds secrets: never log it. */
export interface RedisCredentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
}

/** One server: `REDIS_URL`, or `REDIS_HOST` and its companions. */
export interface StandaloneRedisEnv extends RedisAddress, RedisCredentials {
  readonly topology: "standalone";
  readonly db: number;
}

/** A Cluster: `REDIS_CLUSTER_NODES`. It has database 0 only. */
export interface ClusterRedisEnv extends RedisCredentials {
  readonly topology: "cluster";
  readonly nodes: readonly RedisAddress[];
}

/** A primary that Sentinels name: `REDIS_SENTINELS` and `REDIS_SENTINEL_NAME`. */
export interface SentinelRedisEnv extends RedisCredentials {
  readonly topology: "sentinel";
  readonly sentinels: readonly RedisAddress[];
  /** Name of the primary, as the Sentinels know it. */
  readonly name: string;
  /** Password of the Sentinels themselves. */
  readonly sentinelPassword: string | undefined;
  readonly db: number;
}

/** What the environment says about Redis. */
export type RedisEnv = StandaloneRedisEnv | ClusterRedisEnv | SentinelRedisEnv;

/**
 * Reads where Redis is from the environment; `null` when none of the variables is set. Empty texts count as unset.
 *
 * - `REDIS_URL`: `redis://` or, with TLS, `rediss://`, with user, password and database; or
 * - `REDIS_HOST`, with `REDIS_PORT` (6379); or
 * - `REDIS_CLUSTER_NODES`: `host:port,host:port`; or
 * - `REDIS_SENTINELS`: `host:port,host:port`, with `REDIS_SENTINEL_NAME` and perhaps `REDIS_SENTINEL_PASSWORD`;
 * - with each of them: `REDIS_USERNAME`, `REDIS_PASSWORD`, `REDIS_TLS`, and except for a Cluster `REDIS_DB`. Beside
 *   `REDIS_URL` they add what it leaves open; where they say something else, that is a contradiction.
 *
 * @param env `process.env`; only the entry point of an application reads it
 * @throws InvalidConfigurationError naming the variables at fault; passwords and URLs are never in it
 */
export function readRedisEnv(env: Readonly<Record<string, string | undefined>>): RedisEnv | null {
  const variables = parseRedisVariables(env);
  const names = Object.keys(variables);
  if (names.length === 0) return null;
  refuseTwoPlaces(variables);
  refuseHalves(variables);

  const {
    REDIS_URL: url,
    REDIS_CLUSTER_NODES: nodes,
    REDIS_SENTINELS: sentinels,
    REDIS_HOST: host,
  } = variables;
  if (url !== undefined) return readUrl(url, variables);

  const credentials: RedisCredentials = {
    username: variables.REDIS_USERNAME,
    password: variables.REDIS_PASSWORD,
    tls: variables.REDIS_TLS ?? false,
  };
  requirePassword(credentials, "REDIS_USERNAME");
  if (nodes !== undefined) return { topology: "cluster", nodes, ...credentials };

  const db = variables.REDIS_DB ?? 0;
  if (sentinels !== undefined) {
    const { REDIS_SENTINEL_NAME: name, REDIS_SENTINEL_PASSWORD: sentinelPassword } = variables;
    if (name === undefined) throw missing("REDIS_SENTINELS", "REDIS_SENTINEL_NAME");
    return { topology: "sentinel", sentinels, name, sentinelPassword, db, ...credentials };
  }
  // Something is set, so somebody means a server: the in-memory store would be a surprise.
  if (host === undefined) throw missing(names[0]!, "REDIS_HOST");
  return { topology: "standalone", host, port: variables.REDIS_PORT ?? 6379, db, ...credentials };
}

function readUrl(url: UrlParts, variables: RedisVariables): StandaloneRedisEnv {
  const port = url.port ?? variables.REDIS_PORT ?? 6379;
  agree("REDIS_HOST", variables.REDIS_HOST, url.host);
  agree("REDIS_PORT", variables.REDIS_PORT, port);
  agree("REDIS_USERNAME", variables.REDIS_USERNAME, url.username);
  agree("REDIS_PASSWORD", variables.REDIS_PASSWORD, url.password);
  agree("REDIS_DB", variables.REDIS_DB, url.db);
  agree("REDIS_TLS", variables.REDIS_TLS, url.tls);
  const credentials: RedisCredentials = {
    username: url.username ?? variables.REDIS_USERNAME,
    password: url.password ?? variables.REDIS_PASSWORD,
    tls: url.tls,
  };
  requirePassword(credentials, url.username === undefined ? "REDIS_USERNAME" : "REDIS_URL");
  return {
    topology: "standalone",
    host: url.host,
    port,
    db: url.db ?? variables.REDIS_DB ?? 0,
    ...credentials,
  };
}

/** Each variable of the left column says where Redis is, and so does each of the right. */
function refuseTwoPlaces(variables: RedisVariables): void {
  const pairs: readonly (readonly [keyof RedisVariables, keyof RedisVariables])[] = [
    ["REDIS_URL", "REDIS_CLUSTER_NODES"],
    ["REDIS_URL", "REDIS_SENTINELS"],
    ["REDIS_CLUSTER_NODES", "REDIS_SENTINELS"],
    ["REDIS_CLUSTER_NODES", "REDIS_HOST"],
    ["REDIS_CLUSTER_NODES", "REDIS_PORT"],
    ["REDIS_SENTINELS", "REDIS_HOST"],
    ["REDIS_SENTINELS", "REDIS_PORT"],
  ];
  for (const [first, second] of pairs) {
    if (variables[first] !== undefined && variables[second] !== undefined) throw contradiction(first, second);
  }
  if (variables.REDIS_CLUSTER_NODES !== undefined && (variables.REDIS_DB ?? 0) !== 0) {
    throw contradiction("REDIS_CLUSTER_NODES", "REDIS_DB", "a Cluster has database 0 only");
  }
}

function refuseHalves(variables: RedisVariables): void {
  if (variables.REDIS_SENTINELS !== undefined) return;
  for (const name of ["REDIS_SENTINEL_NAME", "REDIS_SENTINEL_PASSWORD"] as const) {
    if (variables[name] !== undefined) throw missing(name, "REDIS_SENTINELS");
  }
}

/** A client given a user without a password logs in as nobody and says nothing. */
function requirePassword(credentials: RedisCredentials, source: string): void {
  if (credentials.username !== undefined && credentials.password === undefined) {
    throw missing(source, "REDIS_PASSWORD");
  }
}

function agree<T>(name: string, value: T | undefined, fromUrl: T | undefined): void {
  if (value !== undefined && fromUrl !== undefined && value !== fromUrl)
    throw contradiction("REDIS_URL", name);
}

function contradiction(first: string, second: string, reason?: string): InvalidConfigurationError {
  return new InvalidConfigurationError({
    variables: [first, second],
    problem: `expected to agree, but they contradict each other${reason === undefined ? "" : `: ${reason}`}`,
    advice: "Unset one of them.",
  });
}

function missing(set: string, unset: string): InvalidConfigurationError {
  return new InvalidConfigurationError({
    variables: [set, unset],
    problem: `expected both, but only ${set} is set`,
    advice: `Set ${unset}, or unset ${set}.`,
  });
}
