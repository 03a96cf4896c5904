import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisCluster, startRedisCluster } from "./start-redis-cluster.ts";
import { waitFor } from "./wait-for.ts";

const SLOTS = 16_384;

/** CRC16 (XMODEM), as in the cluster specification. */
function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % SLOTS;
}

function oneKeyForEachSlot(): string[] {
  const keys = new Map<number, string>();
  for (let index = 0; keys.size < SLOTS; index += 1) keys.set(slotOf(`key:${index}`), `key:${index}`);
  return [...keys.values()];
}

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster({ nodeTimeoutMs: 1_000 });
});
afterAll(() => cluster.stop());

test("three primaries own all slots, each about a third", async () => {
  expect(cluster.nodes).toHaveLength(3);
  for (const node of cluster.nodes) {
    const client = await node.client();
    const info = (await client.call("CLUSTER", "INFO")) as string;
    expect(info).toContain("cluster_state:ok");
    expect(info).toContain(`cluster_slots_assigned:${SLOTS}`);
    expect(info).toContain("cluster_size:3");
  }
});

test("takes a key in every slot", async () => {
  const client = await cluster.client({ enableAutoPipelining: true });
  const keys = oneKeyForEachSlot();
  await Promise.all(keys.map((key) => client.set(key, key)));
  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
  const sizes = await Promise.all(cluster.nodes.map(async (node) => (await node.client()).dbsize()));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(SLOTS);
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(Math.floor(SLOTS / 3));
});

test("nodeOf names the node that has the key", async () => {
  const client = await cluster.client();
  await client.set("{tag}:a", "1");
  const owner = await cluster.nodeOf("{tag}:a");
  expect(await (await owner.client()).get("{tag}:a")).toBe("1");
});

test("a killed node takes the cluster down, a restart brings it back", async () => {
  const [victim, witness] = cluster.nodes;
  await victim!.kill();
  const client = await witness!.client();
  const state = async () => (await client.call("CLUSTER", "INFO")) as string;
  await waitFor(async () => (await state()).includes("cluster_state:fail"), { timeoutMs: 10_000 });
  await victim!.restart();
  await cluster.ready();
  expect(await state()).toContain("cluster_state:ok");
});

test("fewer than three primaries are refused", async () => {
  await expect(startRedisCluster({ primaries: 2 })).rejects.toThrow("3 primaries or more");
});
