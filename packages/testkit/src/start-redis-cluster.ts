import type { Cluster, Redis } from "ioredis";
import { chooseBackend } from "./internal/choose-backend.ts";
import { createClientPool } from "./internal/client-pool.ts";
import { type RedisConfig, serverArgs } from "./internal/server-args.ts";
import { launch } from "./internal/server-handle.ts";
import type { ClusterClientOptions, RedisServer } from "./redis-server.ts";
import { waitFor } from "./wait-for.ts";

const SLOTS = 16_384;

/** What {@link startRedisCluster} takes. */
export interface StartRedisClusterOptions {
  /** Number of primaries, 3 or more. @default 3 */
  readonly primaries?: number | undefined;
  /** Directives for every node. @default {} */
  readonly config?: RedisConfig | undefined;
  /** Append-only file, synced on every write. @default false */
  readonly persist?: boolean | undefined;
  /** Password of the default user, on every node. @default none */
  readonly password?: string | undefined;
  /**
   * `cluster-node-timeout` in milliseconds: how long a silent node is believed to be alive. Short, so that faults are
   * noticed while the test waits; not so short that a busy machine looks like a fault.
   *
   * @default 2000
   */
  readonly nodeTimeoutMs?: number | undefined;
}

/** A cluster whose nodes can be harmed one by one. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  /** What `new Cluster(…)` takes. */
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[];
  /** A connected cluster client, closed by `stop()`. */
  client(options?: ClusterClientOptions): Promise<Cluster>;
  /** The node that owns the slot of `key`, as the cluster sees it. */
  nodeOf(key: string): Promise<RedisServer>;
  /** Resolves when every running node says `cluster_state:ok` and knows an owner of each slot. */
  ready(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a cluster of primaries (3 unless told otherwise) that own all 16384 slots. Never the server at
 * `TEST_REDIS_URL`, which is a single one and somebody else's.
 *
 * Takes a little over 2 seconds, of which Redis itself insists on 2: a primary does not trust a cluster earlier
 * (`CLUSTER_WRITABLE_DELAY`).
 */
export async function startRedisCluster(options: StartRedisClusterOptions = {}): Promise<RedisCluster> {
  const { primaries = 3, persist = false, password, nodeTimeoutMs = 2_000 } = options;
  if (primaries < 3) throw new RangeError(`A cluster has 3 primaries or more; asked for ${primaries}`);
  const backend = await chooseBackend();
  const args = serverArgs({
    persist,
    password,
    config: {
      "cluster-enabled": "yes",
      "cluster-config-file": "nodes.conf",
      "cluster-node-timeout": nodeTimeoutMs,
      ...options.config,
    },
  });
  const pool = createClientPool();
  const launched = await Promise.allSettled(
    Array.from({ length: primaries }, () =>
      launch(backend, { args, talksToOthers: true }, { persist, password }),
    ),
  );
  const nodes = launched.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const startupNodes = nodes.map(({ host, port }) => ({ host, port }));
  const redisOptions = password === undefined ? {} : { password };

  async function stop(): Promise<void> {
    pool.close();
    await Promise.all(nodes.map((node) => node.stop()));
  }

  async function ready(timeoutMs = 15_000): Promise<void> {
    await Promise.all(
      nodes
        .filter((node) => node.running)
        .map(async (node) => {
          const client = await node.client();
          try {
            await waitFor(async () => isReady(client, primaries), {
              timeoutMs,
              description: `cluster_state:ok on ${node.host}:${node.port}`,
            });
          } finally {
            client.disconnect();
          }
        }),
    );
  }

  async function nodeOf(key: string): Promise<RedisServer> {
    const asked = nodes.find((node) => node.running);
    if (!asked) throw new Error("nodeOf(): every node of the cluster is down");
    const client = await asked.client();
    try {
      const slot = await client.cluster("KEYSLOT", key);
      const ranges = await client.cluster("SLOTS");
      const owner = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2];
      const node = nodes.find(({ port }) => port === owner?.[1]);
      if (!node) throw new Error(`Slot ${slot} of ${JSON.stringify(key)} has no owner`);
      return node;
    } finally {
      client.disconnect();
    }
  }

  try {
    for (const result of launched) if (result.status === "rejected") throw result.reason;
    await Promise.all(
      nodes.map(async (node, index) => {
        const client = await node.client();
        const first = Math.floor((index * SLOTS) / primaries);
        const last = Math.floor(((index + 1) * SLOTS) / primaries) - 1;
        // Different epochs from the start: nodes that share one must first settle whose claims are newer.
        await client.cluster("SET-CONFIG-EPOCH", index + 1);
        await client.cluster("ADDSLOTSRANGE", first, last);
        // Each meets each, rather than waiting for gossip to introduce them.
        for (const other of nodes.slice(index + 1)) {
          await client.call("CLUSTER", "MEET", other.host, other.port, other.busPort);
        }
        client.disconnect();
      }),
    );
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    nodes,
    startupNodes,
    client: (clientOptions) =>
      pool.cluster([...startupNodes], {
        ...clientOptions,
        redisOptions: { ...redisOptions, ...clientOptions?.redisOptions },
      }),
    nodeOf,
    ready,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function isReady(client: Redis, primaries: number): Promise<boolean> {
  const info = (await client.call("CLUSTER", "INFO")) as string;
  return (
    info.includes("cluster_state:ok") &&
    info.includes(`cluster_slots_ok:${SLOTS}`) &&
    info.includes(`cluster_known_nodes:${primaries}`)
  );
}
