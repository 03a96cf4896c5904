// A write that was given up, and reaches the server later by a connection that its process has left, does nothing: the
// server's clock is past the moment until which its caller waited. The control arm sends no such moment.

import { type RedisServer, startFaultProxy, startRedis, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCache, type Store, sessionActions } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

describe("a write that arrives late", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
  });
  afterAll(() => redis.stop());

  const withoutFence = (store: Store): Store => ({ ...store, giveUpAt: async () => null });

  /** What another process sees after a late `set`, `setMany` and `sessions.create`, all undone before they arrived. */
  async function late(namespace: string, fence: boolean): Promise<Record<string, unknown>> {
    await using proxy = await startFaultProxy({ target: redis });
    const own = redisStore({ url: proxy.url });
    const writer = createCache({ store: fence ? own : withoutFence(own), namespace, memory: false }).extend(
      sessionActions(),
    );
    const witness = createCache({ store: redisStore({ url: redis.url }), namespace, memory: false }).extend(
      sessionActions(),
    );
    await Promise.all([writer.ready(), witness.ready()]);
    expect(await writer.set("one", "old", "60s")).toBe(true);
    await writer.sessions.create("user", {}, "60s");
    const admin = await redis.client();
    const before = Number(/total_commands_processed:(\d+)/.exec(await admin.info("stats"))?.[1]);
    proxy.blackHole();
    const given = await Promise.allSettled([
      writer.set("one", "late", "60s"),
      writer.setMany([
        { key: "two", value: "late", ttl: "60s" },
        { key: "three", value: "late", ttl: "60s" },
      ]),
      writer.sessions.create("user", { late: true }, "60s"),
    ]);
    expect(
      given.map((result) => (result.status === "fulfilled" ? result.value : result.reason.code)),
    ).toEqual([false, 0, "STORE_UNAVAILABLE"]);
    // Undone elsewhere, and acknowledged.
    expect(await witness.del("one", "two", "three")).toBe(1);
    expect(await witness.sessions.destroyAll("user")).toBe(1);
    // Its process is gone before it can remove what it could not write.
    await writer.close();
    await proxy.heal();
    await waitFor(async () => {
      const now = Number(/total_commands_processed:(\d+)/.exec(await admin.info("stats"))?.[1]);
      return now > before + 6 && proxy.connections === 0;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const seen = {
      values: await witness.getMany(["one", "two", "three"]),
      sessions: (await witness.sessions.list("user")).map(({ data }) => data),
    };
    await witness.close();
    admin.disconnect();
    return seen;
  }

  it("does nothing", async () => {
    expect(await late("fenced", true)).toEqual({ values: [null, null, null], sessions: [] });
  });

  it("brings back what was invalidated, without the fence", async () => {
    expect(await late("unfenced", false)).toEqual({
      values: ["late", "late", "late"],
      sessions: [{ late: true }],
    });
  });

  it("is not mistaken for one of a process that was busy while it waited", async () => {
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "busy", memory: false });
    await cache.ready();
    for (let round = 0; round < 3; round++) {
      const busyUntil = performance.now() + 600;
      const written = cache.set(`k${round}`, round, "60s");
      await new Promise((resolve) => setImmediate(resolve));
      while (performance.now() < busyUntil);
      expect(await written).toBe(true);
    }
    await cache.close();
  });

  it("is tried once more when the clock that this process knows is not the server's", async () => {
    const store = redisStore({ url: redis.url });
    await store.ready();
    const asked: (boolean | undefined)[] = [];
    const behind: Store = {
      ...store,
      async giveUpAt(key, fresh) {
        asked.push(fresh);
        const until = await store.giveUpAt(key, fresh);
        return fresh || until === null ? until : until - 10_000;
      },
    };
    const cache = createCache({ store: behind, namespace: "behind", memory: false });
    expect(await cache.set("k", 1, "60s")).toBe(true);
    expect(asked).toEqual([false, true]);
    expect(await cache.get("k")).toBe(1);
    await cache.close();
    await store.close();
  });
});
