import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisSentinel, startRedisSentinel } from "./start-redis-sentinel.ts";
import { waitFor } from "./wait-for.ts";

let sentinel: RedisSentinel;
beforeAll(async () => {
  sentinel = await startRedisSentinel({ password: "s3cret" });
});
afterAll(() => sentinel.stop());

test("two replicas follow the primary, and three sentinels agree on it", async () => {
  expect(sentinel.nodes).toHaveLength(3);
  expect(sentinel.sentinels).toHaveLength(3);
  const primary = await sentinel.primary();
  expect(primary).toBe(sentinel.nodes[0]);
  const client = await sentinel.client();
  await client.set("replicated", "yes");
  expect(await client.wait(2, 2_000)).toBe(2);
  for (const each of sentinel.sentinels) {
    const asked = await each.client();
    expect(await asked.call("SENTINEL", "CKQUORUM", sentinel.name)).toMatch(/^OK 3 usable Sentinels/);
  }
});

test("failover() hands over to another node, and clients follow", async () => {
  const previous = await sentinel.primary();
  const client = await sentinel.client();
  const next = await sentinel.failover();
  expect(next).not.toBe(previous);
  expect(await sentinel.primary()).toBe(next);
  await waitFor(() => client.set("written", "after the fail-over"));
  expect(await (await next.client()).get("written")).toBe("after the fail-over");
});

test("after killPrimary() another node is elected within seconds, and the killed one returns as a replica", async () => {
  const killed = await sentinel.killPrimary();
  expect(killed.running).toBe(false);
  const started = performance.now();
  const next = await sentinel.promoted(killed);
  expect(performance.now() - started).toBeLessThan(8_000);
  expect(next).not.toBe(killed);
  await sentinel.restartKilled();
  expect((await (await killed.client()).role())[0]).toBe("slave");
});
