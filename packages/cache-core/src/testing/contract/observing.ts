import { track } from "../../dependencies.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { Store } from "../../store.ts";
import { type Chapter, listen, lose, overwriteEntry, slowFetcher } from "./suite.ts";

/** getStats, explain, events, ready, close. */
export const observing: Chapter = ({ expect }, test) => {
  test("getStats tells of the server and of this cache", async (t) => {
    const cache = t.cache();
    await cache.get("k");
    await cache.getOrSet("k", () => 1, 60);
    await cache.get("k");
    await cache.get("k");
    const stats = await cache.getStats();
    expect(stats).toMatchObject({
      connected: true,
      keys: 1,
      hits: 2,
      misses: 2,
      hitRate: 0.5,
      staleServed: 0,
      fetches: 1,
      revokedFills: 0,
      pendingInvalidations: 0,
      warnings: [],
    });
    expect(/^\d+\.\d+MB$/.test(stats.memory)).toBe(true);
    expect(stats.clients).toBeGreaterThan(0);
    expect(stats.l1 === null).toBe(!t.memory);
  });

  test("events tell of hits, misses, fetches, fills, writes and invalidations", async (t) => {
    const cache = t.cache();
    const seen: string[] = [];
    const names = [
      "entry:hit",
      "entry:miss",
      "entry:set",
      "fetch:start",
      "fetch:end",
      "fetch:error",
      "fetch:join",
      "fill:stored",
      "invalidation:applied",
    ] as const;
    const stops = names.map((name) => cache.on(name, () => seen.push(name)));
    const take = (): string[] => seen.splice(0);
    await cache.getOrSet("k", () => 1, 60);
    expect(take()).toEqual(["entry:miss", "fetch:start", "fetch:end", "fill:stored"]);
    await cache.getOrSet("k", () => 1, 60);
    expect(take()).toEqual(["entry:hit"]);
    await cache.set("k", 2, 60);
    expect(take()).toEqual(["entry:set"]);
    await cache.del("k");
    expect(take()).toEqual(["invalidation:applied"]);
    await cache.getOrSet("k", () => Promise.reject(new Error("x"))).catch(() => {});
    expect(take()).toEqual(["entry:miss", "fetch:start", "fetch:error"]);
    const slow = slowFetcher<number>();
    const calls = [1, 2].map(() => cache.getOrSet("k", slow.fetcher, 60));
    await slow.begun;
    slow.end(1);
    await Promise.all(calls);
    expect(take().filter((name) => name === "fetch:join")).toEqual(["fetch:join"]);
    for (const stop of stops) stop();
    await cache.get("k");
    expect(take()).toEqual([]);
  });

  test("invalidation:applied names what was removed", async (t) => {
    const cache = t.cache();
    const seen = listen(cache, "invalidation:applied");
    await cache.set("a:1", 1, { tags: ["t"] });
    await cache.invalidatePattern("a:*");
    await cache.invalidateByTag("t", { soft: true });
    await cache.del("x", "y");
    expect(seen.map(({ durationMs: _, ...rest }) => rest)).toEqual([
      { keys: [], tags: [], patterns: ["a:*"], soft: false, removed: 1 },
      { keys: [], tags: ["t"], patterns: [], soft: true, removed: 0 },
      { keys: ["x", "y"], tags: [], patterns: [], soft: false, removed: 0 },
    ]);
  });

  test("a listener that throws hinders nobody", async (t) => {
    const cache = t.cache();
    cache.on("entry:set", () => {
      throw new Error("listener");
    });
    const seen = listen(cache, "entry:set");
    expect(await cache.set("k", 1, 60)).toBe(true);
    expect(seen).toEqual([{ key: "k" }]);
  });

  test("explain says where a key stands and changes nothing", async (t) => {
    const cache = t.cache();
    expect(await cache.explain("k")).toMatchObject({
      key: "k",
      found: "nowhere",
      state: "missing",
      leased: false,
    });
    const slow = slowFetcher<{ a: number }>();
    const call = cache.getOrSet("k", slow.fetcher, { ttl: 60, staleTtl: 60, tags: ["t"] });
    await slow.begun;
    expect(await cache.explain("k")).toMatchObject({ found: "nowhere", leased: true });
    slow.end({ a: 1 });
    await call;
    const fresh = await cache.explain("k");
    expect(fresh).toMatchObject({ state: "fresh", tags: ["t"], codec: "json", leased: false });
    expect(fresh.ttl!).toBeGreaterThan(50);
    expect(fresh.expiresIn!).toBeGreaterThan(100);
    expect(fresh.bytes!).toBeGreaterThan(27);
    await cache.invalidate("k", { soft: true });
    expect(await cache.explain("k")).toMatchObject({ found: "store", state: "stale" });
    const { hits, misses, fetches } = await cache.getStats();
    expect([hits, misses, fetches]).toEqual([0, 1, 1]);
  });

  test("explain says what a read of this process would find, whatever has become of the stored bytes", async (t) => {
    let away = false;
    const get: Store["get"] = (key) =>
      away
        ? Promise.reject(new StoreUnavailableError({ operation: "get", reason: "timeout" }))
        : t.store.get(key);
    const cache = t.cache({ store: Object.create(t.store, { get: { value: get } }) as Store });
    const { keys } = cache.internals;
    await t.until(async () => (await cache.getStats()).l1?.coherent !== false, "the link to the bus");
    const name = keys.entry("k");
    const ways: Record<string, () => Promise<unknown> | unknown> = {
      nothing: () => {},
      lost: () => t.store.run(lose, [name], []),
      foreign: () => t.store.run(overwriteEntry, [name], [Buffer.from("of somebody else, and long")]),
      damaged: async () => {
        const bytes = (await t.store.get(name)) as Buffer;
        await t.store.run(overwriteEntry, [name], [bytes.subarray(0, -1)]);
      },
      away: () => {
        away = true;
      },
    };
    for (const [way, happens] of Object.entries(ways)) {
      await cache.set("k", "value", { ttl: 60, tags: ["t"] });
      await cache.get("k");
      await happens();
      const before = await cache.explain("k");
      const served = await cache.get("k");
      const after = await cache.explain("k");
      expect(served, way).toBe(t.memory || way === "nothing" ? "value" : null);
      for (const told of [before, after]) {
        expect(told.state === "fresh", way).toBe(served !== null);
        expect(told.found === "memory", way).toBe(t.memory);
        expect(told.tags, way).toEqual(served === null ? [] : ["t"]);
      }
    }
    away = false;
  });

  test("explain lists what an entry was made from, declared and recorded, in a scope too", async (t) => {
    const long = "x".repeat(300);
    for (const cache of [t.cache(), t.cache().scope("tenant")]) {
      const fetcher = async () => {
        track("deals", 7);
        return 1;
      };
      await cache.getOrSet("k", fetcher, {
        ...{ ttl: 60, tags: ["t"] },
        dependsOn: ["contacts", ["companies", "a:*"], ["companies", long]],
      });
      const { tags, dependencies } = await cache.explain("k");
      expect(tags).toEqual(["t"]);
      const expected = [
        { entity: "companies", id: "a:*" },
        { entity: "contacts", id: null },
        { entity: "deals", id: "7" },
        { entity: null, id: null },
      ];
      const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
      expect([...dependencies].sort(byText)).toEqual(expected);
    }
    expect((await t.cache().explain("other")).dependencies).toEqual([]);
  });

  test("after close every call is refused, and nothing is left behind", async (t) => {
    const cache = t.cache();
    await cache.set("k", 1, 60);
    await cache.close();
    await cache.close();
    const calls: [string, () => Promise<unknown>][] = [
      ["get", () => cache.get("k")],
      ["getMany", () => cache.getMany(["k"])],
      ["set", () => cache.set("k", 2)],
      ["setMany", () => cache.setMany([{ key: "k", value: 2 }])],
      ["exists", () => cache.exists("k")],
      ["lookup", () => cache.lookup("k")],
      ["del", () => cache.del("k")],
      ["getOrSet", () => cache.getOrSet("k", () => 2)],
      ["getOrSetMany", () => cache.getOrSetMany(["k"], async () => [2])],
      ["getWithStale", () => cache.getWithStale("k", () => 2, 1, 2)],
      ["lease", () => cache.lease("k")],
      ["invalidateByTag", () => cache.invalidateByTag("t")],
      ["invalidatePattern", () => cache.invalidatePattern("*")],
      ["clear", () => cache.clear()],
      ["publish", () => cache.publish("c", 1)],
      ["subscribe", () => cache.subscribe("c", () => {})],
      ["explain", () => cache.explain("k")],
    ];
    for (const [name, call] of calls) {
      expect(await call().catch((error: unknown) => error), name).toMatchObject({ code: "CACHE_CLOSED" });
    }
    expect(await t.cache().get("k")).toBe(1);
  });

  test("close aborts fetches that run, and waits for them", async (t) => {
    const cache = t.cache();
    let aborted = false;
    const slow = slowFetcher<string>();
    const call = cache.getOrSet("k", ({ signal }) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        slow.end("late");
      });
      return slow.fetcher();
    });
    await slow.begun;
    await cache.close();
    expect(aborted).toBe(true);
    expect(await call).toBe("late");
  });

  test("the in-process tier answers, and forgets what others change", async (t) => {
    if (!t.memory) {
      expect((await t.cache().getStats()).l1).toBe(null);
      return;
    }
    const [one, two] = [t.cache(), t.cache()];
    await t.until(async () => (await one.getStats()).l1!.coherent, "the link to the bus");
    const hits: string[] = [];
    one.on("entry:hit", ({ tier }) => hits.push(tier));
    const changes: Record<string, () => Promise<unknown>> = {
      del: () => two.del("k:1"),
      set: () => two.set("k:1", "other", 60),
      tag: () => two.invalidateByTag("t"),
      pattern: () => two.invalidatePattern("k:*"),
      clear: () => two.clear(),
      soft: () => two.invalidate("k:1", { soft: true }),
    };
    for (const [way, change] of Object.entries(changes)) {
      await one.set("k:1", "value", { ttl: 60, tags: ["t"] });
      await one.get("k:1");
      hits.length = 0;
      await t.until(async () => {
        await one.get("k:1");
        return hits.at(-1) === "memory";
      }, `a hit in process before ${way}`);
      await change();
      await t.until(async () => (await one.get("k:1")) === (way === "set" ? "other" : null), way);
    }
    const { l1 } = await one.getStats();
    expect(l1!.hits).toBeGreaterThan(0);
    expect(l1!.flushes).toBe(0);
  });
};
