import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClusterProxies, startClusterProxies } from "./start-cluster-proxies.ts";
import { type RedisCluster, startRedisCluster } from "./start-redis-cluster.ts";

let cluster: RedisCluster;
let proxied: ClusterProxies;
beforeAll(async () => {
  cluster = await startRedisCluster();
  proxied = await startClusterProxies(cluster);
});
afterAll(async () => {
  await proxied.close();
  await cluster.stop();
});

test("a client with the natMap speaks to every node through its proxy", async () => {
  const client = await cluster.client({ natMap: proxied.natMap, enableAutoPipelining: true });
  const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`);
  await Promise.all(keys.map((key) => client.set(key, key)));
  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
  for (const proxy of proxied.proxies) expect(proxy.accepted).toBeGreaterThan(0);
  const ports = client.nodes("master").map(({ options }) => options.port);
  expect(ports.sort()).toEqual(proxied.startupNodes.map(({ port }) => port).sort());
});

test("one cut node fails its keys only, and heals", async () => {
  const client = await cluster.client({
    natMap: proxied.natMap,
    redisOptions: { commandTimeout: 300, maxRetriesPerRequest: 0 },
    clusterRetryStrategy: () => 20,
    retryDelayOnFailover: 20,
    maxRedirections: 2,
  });
  const owner = await cluster.nodeOf("victim");
  const index = cluster.nodes.indexOf(owner);
  const other = ["a", "b", "c", "d", "e", "f"];
  const owners = await Promise.all(other.map((key) => cluster.nodeOf(key)));
  const elsewhere = other.find((_, at) => owners[at] !== owner)!;
  await client.set("victim", "1");
  await proxied.proxies[index]!.cut();
  await expect(client.get("victim")).rejects.toThrow();
  expect(await client.set(elsewhere, "1")).toBe("OK");
  await proxied.heal();
  await expect.poll(() => client.get("victim").catch(() => "down"), { timeout: 5_000 }).toBe("1");
});
