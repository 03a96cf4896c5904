// A value whose write succeeded stays, although an earlier write of its key failed and what that one was to replace is
// still to be removed.

import "@crm/testkit/setup-guards";
import { startClusterProxies, startFaultProxy, startRedis, startRedisCluster, waitFor } from "@crm/testkit";
import { describe, expect, test } from "vitest";
import { createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const PATIENT = { commandTimeout: "5s" } as const;
const ROUNDS = Number(process.env.WRITE_AFTER_FAILURE_ROUNDS ?? 12);

interface Target {
  readonly store: () => ReturnType<typeof redisStore>;
  /** Sees the servers themselves, and waits for them: a read that gives up says nothing of what is stored. */
  readonly witness: () => ReturnType<typeof redisStore>;
  readonly lose: () => void;
  readonly heal: () => Promise<void>;
  readonly close: () => Promise<void>;
}

async function standalone(): Promise<Target> {
  const redis = await startRedis();
  const proxy = await startFaultProxy({ target: redis });
  return {
    store: () => redisStore({ url: proxy.url }),
    witness: () => redisStore({ url: redis.url, ...PATIENT }),
    lose: () => proxy.blackHole({ packets: "hold" }),
    heal: async () => void (await proxy.heal()),
    close: () => proxy.close(),
  };
}

async function cluster(): Promise<Target> {
  const nodes = await startRedisCluster({ nodeTimeoutMs: 20_000 });
  const { proxies, startupNodes, natMap, heal, close } = await startClusterProxies(nodes);
  return {
    store: () => redisStore({ nodes: startupNodes, clusterOptions: { natMap } }),
    witness: () => redisStore({ nodes: nodes.startupNodes, ...PATIENT }),
    lose: () => proxies.forEach((proxy) => void proxy.blackHole({ packets: "hold" })),
    heal: async () => void (await heal()),
    close,
  };
}

describe.each([
  ["standalone", standalone],
  ["cluster", cluster],
] as const)("%s", (_, start) => {
  test("a write that succeeded is not undone by an earlier one that failed", async () => {
    const target = await start();
    const witness = createCache({ store: target.witness(), namespace: "waf" });
    const lost: string[] = [];
    let failed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const cache = createCache({ store: target.store(), namespace: "waf" });
      const key = `key:${round}`;
      const write = async (value: string): Promise<boolean> => {
        const stored = await cache.set(key, value, "60s");
        if (!stored) failed++;
        return stored;
      };
      await waitFor(() => write("first"), { timeoutMs: 10_000, intervalMs: 1 });
      if (round % 2 === 0) {
        target.lose();
        expect(await write("lost")).toBe(false);
        setTimeout(() => void target.heal(), (round * 7) % 40);
      }
      await waitFor(() => write("last"), { timeoutMs: 10_000, intervalMs: 1 });
      await waitFor(async () => (await cache.getStats()).pendingInvalidations === 0, { timeoutMs: 10_000 });
      const value = await witness.get(key);
      if (value !== "last") lost.push(`${key}: ${JSON.stringify(value)}`);
      await cache.close();
    }
    await witness.close();
    await target.close();
    expect(failed, "writes that failed").toBeGreaterThanOrEqual(ROUNDS / 2);
    expect(lost, `of ${ROUNDS}`).toEqual([]);
  }, 120_000);
});
