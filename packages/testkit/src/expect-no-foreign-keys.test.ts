import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { expectNoForeignKeys } from "./expect-no-foreign-keys.ts";
import type { RedisServer } from "./redis-server.ts";
import { startRedis } from "./start-redis.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
beforeEach(async () => {
  await (await redis.client()).flushall();
});
afterAll(() => redis.stop());

test("passes with no keys, and with keys of its prefixes only", async () => {
  const client = await redis.client();
  await expectNoForeignKeys(client, "crm:");
  await client.mset({ "crm:1": "a", "crm:2": "b", "{lock}:1": "c" });
  await expectNoForeignKeys(client, ["crm:", "{lock}"]);
});

test("names the keys outside, among thousands inside", async () => {
  const client = await redis.client();
  const pipeline = client.pipeline();
  for (let index = 0; index < 5_000; index += 1) pipeline.set(`crm:${index}`, "1");
  pipeline.set("stray", "1").set("crmx", "1");
  await pipeline.exec();
  await expect(expectNoForeignKeys(client, "crm:")).rejects.toThrow(
    '2 keys outside "crm:":\n  "crmx"\n  "stray"',
  );
});

test("names ten of many", async () => {
  const client = await redis.client();
  await client.mset(Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`stray:${index}`, "1"])));
  await expect(expectNoForeignKeys(client, "crm:")).rejects.toThrow("and 2 more");
});

test("asks every primary of a cluster", async () => {
  const other = await startRedis({ control: true });
  const [here, there] = [await redis.client(), await other.client()];
  await there.set("stray", "1");
  await expect(expectNoForeignKeys({ nodes: () => [here, there] }, "crm:")).rejects.toThrow('"stray"');
  await other.stop();
});
