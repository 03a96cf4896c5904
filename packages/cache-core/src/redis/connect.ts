import type { ClusterOptions, RedisOptions } from "ioredis";
import { InvalidOptionError } from "../errors.ts";
import { loadIoredis } from "./load-ioredis.ts";
import type { RedisStoreOptions } from "./options.ts";
import type { RedisLike } from "./redis-like.ts";

export interface Connection {
  readonly client: RedisLike;
  readonly topology: "standalone" | "sentinel" | "cluster";
  /** Whether the store made the client, and closes it. */
  readonly owned: boolean;
}

/** Makes the client, or takes the caller's. */
export function connect(options: RedisStoreOptions): Connection {
  if (options.client !== undefined) return adopt(options.client);
  const { Cluster, Redis } = loadIoredis();
  if (options.nodes !== undefined) {
    const client = new Cluster([...options.nodes], clusterOptions(options));
    hearAsking(client);
    return { client, topology: "cluster", owned: true };
  }
  const settings = redisOptions(options);
  const client =
    options.url === undefined ? new Redis(settings) : new Redis(withoutFirm(options.url), settings);
  return {
    client,
    topology: options.sentinels === undefined ? "standalone" : "sentinel",
    owned: true,
  };
}

/**
 * A Cluster asks the node that receives a slot for leave (`ASKING`) and looks at no answer: where the connection breaks meanwhile, the
 * rejection would be nobody's, and Node ends a process for that.
 */
function hearAsking(client: RedisLike): void {
  client.on("+node", (node: { asking: () => Promise<unknown> }) => {
    const { asking } = node;
    node.asking = () => {
      const answer = asking.call(node);
      answer.catch(() => {});
      return answer;
    };
  });
}

function adopt(client: RedisLike): Connection {
  const prefix = client.options.keyPrefix;
  if (prefix !== undefined && prefix !== "") {
    throw new InvalidOptionError({
      option: "client",
      received: "a client with keyPrefix",
      expected: "a client without keyPrefix; name the cache with `namespace` instead",
    });
  }
  const ofNodes =
    client.isCluster === true ? (client.options as ClusterOptions).redisOptions : client.options;
  if ((ofNodes as RedisOptions | undefined)?.stringNumbers === true) {
    throw new InvalidOptionError({
      option: "client",
      received: "a client with stringNumbers",
      expected: "a client without stringNumbers",
    });
  }
  const { enableAutoPipelining } = client.options as RedisOptions;
  if (client.isCluster === true && enableAutoPipelining === true) {
    // Callers were seen to get each other's replies with it; `test/promise-4-sick-redis.test.ts`, "answers".
    throw new InvalidOptionError({
      option: "client",
      received: "a Cluster client with enableAutoPipelining",
      expected: "a Cluster client without enableAutoPipelining",
    });
  }
  const topology =
    client.isCluster === true
      ? "cluster"
      : (client.options as RedisOptions).sentinels === undefined
        ? "standalone"
        : "sentinel";
  return { client, topology, owned: false };
}

/**
 * What every connection of the store needs: fail at once, come back soon, repeat nothing behind the caller's back; and
 * numbers that are numbers.
 */
export function firmOptions(): RedisOptions {
  return {
    stringNumbers: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 700,
    maxLoadingRetryTime: 100,
    retryStrategy: (attempt) => Math.min(25 * attempt, 200),
  };
}

/** ioredis lets the query of a URL win over options. */
function withoutFirm(url: string): string {
  const { search } = new URL(url);
  if (search === "") return url;
  const query = new URLSearchParams(search);
  for (const name of Object.keys({ ...firmOptions(), ...PIPELINING })) query.delete(name);
  return `${url.slice(0, url.indexOf("?"))}?${query}`;
}

/** Reads and scripts are batched where they are made. */
const PIPELINING: RedisOptions = {
  enableAutoPipelining: true,
  autoPipeliningIgnoredCommands: ["get", "mget", "evalsha", "eval"],
};

function redisOptions(options: RedisStoreOptions): RedisOptions {
  const { host, port, username, password, db, tls, sentinels, name, sentinelPassword } = options;
  return {
    ...options.redisOptions,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { db }),
    ...(tls === undefined ? {} : { tls: tls as NonNullable<RedisOptions["tls"]> }),
    ...(sentinels === undefined
      ? {}
      : {
          sentinels: [...sentinels],
          name: name ?? "mymaster",
          sentinelRetryStrategy: (attempt: number) => Math.min(25 * attempt, 200),
          failoverDetector: true,
        }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...firmOptions(),
    ...PIPELINING,
    keepAlive: 10_000,
  };
}

function clusterOptions(options: RedisStoreOptions): ClusterOptions {
  const { username, password, tls } = options;
  const given = options.clusterOptions ?? {};
  const { retryStrategy: _unused, ...firm } = firmOptions();
  return {
    ...given,
    redisOptions: {
      ...options.redisOptions,
      ...given.redisOptions,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls: tls as NonNullable<RedisOptions["tls"]> }),
      ...firm,
    },
    enableOfflineQueue: false,
    // With it, after nodes of a Cluster had been unreachable, callers got each other's replies: in 3 of 3 runs of "nobody
    // ever gets the answer to another's question" (promise 4), 1,011 to 2,517 times each, with ioredis 6.0.0. Without: none.
    // Which step goes wrong is not known; a single server has not shown it.
    enableAutoPipelining: false,
    // Reads and scripts are batched where they are made.
    autoPipeliningIgnoredCommands: ["get", "mget", "evalsha", "eval"],
    slotsRefreshTimeout: 1_000,
    slotsRefreshInterval: 5_000,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    clusterRetryStrategy: (attempt) => Math.min(25 * attempt, 200),
  };
}
