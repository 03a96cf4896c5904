import type { ClusterOptions, RedisOptions } from "ioredis";
import type { Duration } from "../duration.ts";
import type { RedisLike } from "./redis-like.ts";

/** How to reach Redis, and how long to wait for it. Exactly one of `client`, `url`, `nodes`, `sentinels` and `host`. */
export interface RedisStoreOptions {
  /**
   * A client of your own, `Redis` or `Cluster`, without `keyPrefix` and `stringNumbers`. It stays yours: `close()` leaves it
   * open. By its defaults ioredis sends again what was under way when a connection broke, so that a rate limit may count a
   * call twice: give a `Redis` `autoResendUnfulfilledCommands: false`, and a `Cluster` `retryDelayOnFailover: 0`.
   */
  client?: RedisLike | undefined;
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  url?: string | undefined;
  /** Name or address of one server, with `port`. */
  host?: string | undefined;
  /** @default 6379 */
  port?: number | undefined;
  /** Of an ACL; without it the server's default user. */
  username?: string | undefined;
  /** Never in a message or a log line. */
  password?: string | undefined;
  /** @default 0 */
  db?: number | undefined;
  /** Options of `tls.connect`; `{}` for a server whose certificate a public authority signed. */
  tls?: object | undefined;
  /** Nodes of a Cluster from which the others are found. */
  nodes?: readonly { host: string; port: number }[] | undefined;
  /** Sentinels, with `name`. */
  sentinels?: readonly { host: string; port: number }[] | undefined;
  /** Name of the primary that the sentinels watch. */
  name?: string | undefined;
  /** Of the sentinels, where they ask for one of their own. */
  sentinelPassword?: string | undefined;
  /**
   * A call that is not answered for this long fails, and the cache goes on without Redis. 5 ms to 10 s.
   * @default "40ms"
   */
  commandTimeout?: Duration | undefined;
  /** The same for one step of an invalidation. 5 ms to 60 s. @default "250ms" */
  invalidationTimeout?: Duration | undefined;
  /** Slot groups of a namespace in a Cluster, 1 to 256; a single server has 1. @default 16 */
  buckets?: number | undefined;
  /** Passed on to ioredis for connections that the store makes. What the promises depend on cannot be overridden. */
  redisOptions?: Omit<RedisOptions, "keyPrefix"> | undefined;
  /** Passed on to ioredis for a Cluster, for example `natMap`. */
  clusterOptions?: ClusterOptions | undefined;
}
