import { type Chapter, slowFetcher } from "./suite.ts";

/** lease(): the right to fill by hand. */
export const hand: Chapter = ({ expect }, test) => {
  test("is granted on a miss, fills once, and then has nothing more to give", async (t) => {
    const cache = t.cache();
    const lease = await cache.lease<{ n: number }>("k");
    expect(lease.key).toBe("k");
    expect(lease.value).toBe(undefined);
    expect(await lease.fill({ n: 1 }, { ttl: 60, tags: ["t"] })).toBe(true);
    expect(await lease.fill({ n: 2 }, 60)).toBe(false);
    await lease.release();
    expect(await cache.lookup("k")).toMatchObject({ value: { n: 1 }, tags: ["t"] });
  });

  test("hands out a fresh value instead", async (t) => {
    const cache = t.cache();
    await cache.set("k", "there", 60);
    const lease = await cache.lease("k");
    expect(lease.value).toBe("there");
    expect(await lease.fill("other", 60)).toBe(false);
    expect(await cache.get("k")).toBe("there");
    // What is wrong is said whether or not it would have been stored.
    await expect(lease.fill("other", "5 m" as never)).rejects.toMatchObject({ code: "INVALID_DURATION" });
    await expect(lease.fill(undefined as never)).rejects.toMatchObject({ code: "UNDEFINED_VALUE" });
  });

  test("is refused after an invalidation of its key, tag, pattern or namespace, or a write", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const ways: Record<string, () => Promise<unknown>> = {
      del: () => two.del("k:1"),
      tag: () => two.invalidateByTag("t"),
      pattern: () => two.invalidatePattern("k:*"),
      clear: () => two.clear(),
      set: () => two.set("k:1", "set", 60),
    };
    for (const [way, invalidate] of Object.entries(ways)) {
      const lease = await one.lease("k:1");
      await invalidate();
      expect(await lease.fill("old", { ttl: 60, tags: ["t"] }), way).toBe(false);
      expect(await one.get("k:1"), way).toBe(way === "set" ? "set" : null);
      await t.until(async () => (await one.get("k:1")) === (way === "set" ? "set" : null), way);
    }
    await two.clear();
  });

  test("keeps fetchers of all processes waiting, until it fills or is given up", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const first = await one.lease<string>("a");
    const waiting = [one, two].map((cache) => cache.getOrSet("a", () => "fetched", 60));
    await t.advance(5);
    expect(await first.fill("by hand", 60)).toBe(true);
    expect(await Promise.all(waiting)).toEqual(["by hand", "by hand"]);

    await (await one.lease("b")).release();
    expect(await two.getOrSet("b", () => "fetched", 60)).toBe("fetched");
    {
      await using lease = await one.lease("c");
      expect(lease.value).toBe(undefined);
    }
    expect(await two.getOrSet("c", () => "fetched", 60)).toBe("fetched");
  });

  test("waits for a fetch that is under way and has its value", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<string>();
    const fetching = one.getOrSet("k", slow.fetcher, 60);
    await slow.begun;
    const waiting = two.lease("k");
    await t.advance(5);
    slow.end("fetched");
    expect((await waiting).value).toBe("fetched");
    expect(await fetching).toBe("fetched");
  });

  test("goes back when its cache is closed, and then fills nothing", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const lease = await one.lease<string>("k");
    const waiting = two.getOrSet("k", () => "fetched", 60);
    await t.advance(5);
    await one.close();
    await t.until(async () => (await two.get("k")) === "fetched", "the other fetches");
    expect(await waiting).toBe("fetched");
    await two.del("k");
    expect(await lease.fill("late", 60)).toBe(false);
    expect(await two.get("k")).toBe(null);
  });

  test("does not take undefined", async (t) => {
    const lease = await t.cache().lease("k");
    await expect(lease.fill(undefined)).rejects.toMatchObject({ code: "UNDEFINED_VALUE" });
    await lease.release();
  });
};
