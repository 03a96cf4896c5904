import { afterAll, beforeAll, expect, test } from "vitest";
import { commandStats, diffCommandStats, resetCommandStats } from "./command-stats.ts";
import type { RedisServer } from "./redis-server.ts";
import { startRedis } from "./start-redis.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
afterAll(() => redis.stop());

test("the difference is what ran in between, nothing else", async () => {
  const client = await redis.client();
  await client.get("warm");
  const before = await commandStats(client);
  await client.get("a");
  await client.get("b");
  await client.config("GET", "maxmemory");
  await client.eval("return redis.call('incr', KEYS[1])", 1, "n");
  const difference = diffCommandStats(before, await commandStats(client));
  expect(difference).toEqual(
    new Map([
      ["config|get", 1],
      ["eval", 1],
      ["get", 2],
      ["incr", 1],
    ]),
  );
});

test("several servers are added up", async () => {
  const line = (calls: number) => ({
    info: async () => `# Commandstats\r\ncmdstat_get:calls=${calls},usec=1,usec_per_call=1.00\r\n`,
    config: async () => "OK",
  });
  expect(await commandStats([line(2), line(3)])).toEqual(new Map([["get", 5]]));
});

test("a reset starts from zero", async () => {
  const client = await redis.client();
  await client.get("a");
  await resetCommandStats(client);
  expect([...(await commandStats(client)).keys()]).toEqual(["config|resetstat"]);
});
