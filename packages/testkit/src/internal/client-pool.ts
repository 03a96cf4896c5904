import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from "ioredis";

/** What ioredis takes. The reply mapping is left out: it is a parameter of the client's type. */
export type ClientOptions = Omit<RedisOptions, "replyMapping">;
/** What ioredis takes for a cluster. */
export type ClusterClientOptions = Omit<ClusterOptions, "redisOptions"> & {
  readonly redisOptions?: Omit<NonNullable<ClusterOptions["redisOptions"]>, "replyMapping"> | undefined;
};

/** The clients that a handle has given away and closes at the end. */
export interface ClientPool {
  redis(defaults: ClientOptions, options: ClientOptions | undefined): Promise<Redis>;
  cluster(nodes: ClusterNode[], options: ClusterClientOptions): Promise<Cluster>;
  close(): void;
}

/** A pool without clients. */
export function createClientPool(): ClientPool {
  const clients = new Set<Redis | Cluster>();

  async function connected<Client extends Redis | Cluster>(client: Client, lazy: boolean): Promise<Client> {
    clients.add(client);
    // Without a listener ioredis prints every lost connection, and losing connections is what these clients are for.
    client.on("error", () => {});
    if (!lazy) await client.connect();
    return client;
  }

  return {
    redis: (defaults, options) =>
      connected(new Redis({ ...defaults, ...options, lazyConnect: true }), options?.lazyConnect === true),
    cluster: (nodes, options) =>
      connected(
        new Cluster(nodes, { ...options, redisOptions: options.redisOptions ?? {}, lazyConnect: true }),
        options.lazyConnect === true,
      ),
    close() {
      for (const client of clients) client.disconnect();
      clients.clear();
    },
  };
}
