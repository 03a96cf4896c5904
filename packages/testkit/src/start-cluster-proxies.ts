import { type FaultProxy, startFaultProxy } from "./start-fault-proxy.ts";

/** One proxy for each node, and what an ioredis client needs to go through them. */
export interface ClusterProxies extends AsyncDisposable {
  /** In the order of the nodes. */
  readonly proxies: readonly FaultProxy[];
  /** The addresses of the proxies, for `new Cluster(startupNodes, { natMap })`. */
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[];
  /** Translates what the nodes say about each other into the addresses of the proxies. */
  readonly natMap: Readonly<Record<string, { host: string; port: number }>>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Puts a {@link FaultProxy} in front of every node of a cluster, or of whatever has `nodes`.
 *
 * @example
 * ```ts
 * const { proxies, startupNodes, natMap } = await startClusterProxies(cluster);
 * const client = await cluster.client({ natMap });
 * proxies[0].blackHole();
 * ```
 */
export async function startClusterProxies(cluster: {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
}): Promise<ClusterProxies> {
  const proxies = await Promise.all(cluster.nodes.map((target) => startFaultProxy({ target })));
  const startupNodes = proxies.map(({ host, port }) => ({ host, port }));
  const natMap = Object.fromEntries(
    cluster.nodes.map(({ host, port }, index) => [`${host}:${port}`, startupNodes[index]!]),
  );
  async function close(): Promise<void> {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  }
  return {
    proxies,
    startupNodes,
    natMap,
    async heal() {
      await Promise.all(proxies.map((proxy) => proxy.heal()));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
