import { type RedisSentinel, startRedisSentinel, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AtomicOperation } from "../src/atomic-operation.ts";
import { redisStore } from "../src/redis/index.ts";
import type { Store } from "../src/store.ts";

const PUT: AtomicOperation = {
  name: "put",
  lua: "redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return 1 -- KEYS: key. ARGV: text.",
  run: () => 1,
};

describe("runDurably, with two replicas", () => {
  let sentinel: RedisSentinel;
  let store: Store;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
    store = redisStore({
      sentinels: sentinel.sentinelAddresses,
      name: sentinel.name,
      commandTimeout: "2s",
      invalidationTimeout: "2s",
    });
    await store.ready();
  });
  afterAll(async () => {
    await store.close();
    await sentinel.stop();
  });

  it("says that both have it, and both have it", async () => {
    const { reply, acknowledged } = await store.runDurably(PUT, ["k"], ["v1"], {
      replicas: 2,
      timeoutMs: 2_000,
    });
    expect({ reply, acknowledged }).toEqual({ reply: 1, acknowledged: 2 });
    for (const node of sentinel.nodes) {
      const client = await node.client();
      expect(await client.get("k")).toBe("v1");
      client.disconnect();
    }
  });

  it("says that only one has it while the other stands still, and holds up nobody else", async () => {
    const primary = await sentinel.primary();
    const replica = sentinel.nodes.find((node) => node !== primary);
    await replica!.pause();
    try {
      const began = performance.now();
      const durable = store.runDurably(PUT, ["k"], ["v2"], { replicas: 2, timeoutMs: 300 });
      await waitFor(async () => String(await store.get("k")) === "v2");
      const readAfter = performance.now() - began;
      const second = store.runDurably(PUT, ["k2"], ["v"], { replicas: 2, timeoutMs: 300 });
      const third = store.runDurably(PUT, ["k3"], ["v"], { replicas: 2, timeoutMs: 300 });
      expect((await durable).acknowledged).toBe(1);
      const waited = performance.now() - began;
      expect(readAfter).toBeLessThan(waited);
      expect(waited).toBeGreaterThan(290);
      // Those who came meanwhile share one wait.
      expect((await second).acknowledged).toBe(1);
      expect((await third).acknowledged).toBe(1);
      expect(performance.now() - began).toBeLessThan(2.5 * 300);
    } finally {
      await replica!.resume();
    }
  });

  it("control arm: on the shared connection a WAIT holds up everybody", async () => {
    const client = await sentinel.client();
    const began = performance.now();
    const waited = client.call("WAIT", 99, 200);
    await client.get("k");
    expect(performance.now() - began).toBeGreaterThan(190);
    await waited;
    client.disconnect();
  });

  it("goes on after a fail-over", async () => {
    const previous = await sentinel.killPrimary();
    await sentinel.promoted(previous);
    await waitFor(
      async () =>
        (await store.runDurably(PUT, ["k"], ["v3"], { replicas: 1, timeoutMs: 500 })).acknowledged > 0,
      { timeoutMs: 10_000 },
    );
    await sentinel.restartKilled();
  });
});
