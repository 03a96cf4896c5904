import { track } from "../../dependencies.ts";
import { type Chapter, slowFetcher } from "./suite.ts";

/** Dependencies, and several ways to name entries in one invalidation. */
export const together: Chapter = ({ expect }, test) => {
  test("keys, tags, patterns and dependencies go in one invalidation, and each entry counts once", async (t) => {
    const cache = t.cache();
    await cache.set("a:1", 1, { ttl: 60, tags: ["x"], dependsOn: [["companies", "1"]] });
    await cache.set("a:2", 1, { ttl: 60, tags: ["x"] });
    await cache.set("b:1", 1, { ttl: 60, dependsOn: ["companies"] });
    await cache.set("c:1", 1, 60);
    const request = {
      keys: ["a:1"],
      tags: ["x"],
      patterns: ["a:*", "*:1"],
      dependencies: ["companies", ["companies", "1"]],
    } as const;
    expect(await cache.internals.invalidate(request)).toBe(4);
    expect(await cache.getMany(["a:1", "a:2", "b:1", "c:1"])).toEqual([null, null, null, null]);
    expect(await cache.internals.invalidate(request)).toBe(0);
  });

  test("a list of what is covered equals what goes, and changes nothing", async (t) => {
    const cache = t.cache();
    const tenant = cache.scope("a");
    for (const to of [cache, tenant]) {
      for (const key of ["a:1", "a:2:x", "b:1"])
        await to.set(key, 1, { ttl: 60, dependsOn: [["users", key]] });
    }
    const request = { patterns: ["a:*", "*:x"], dependencies: [["users", "b:1"]] } as const;
    for (const from of [tenant, cache]) {
      const listed = await from.internals.list(request);
      const names = listed.map(({ key, pattern, dependency }) => `${key} ${pattern ?? dependency}`);
      expect(names.sort()).toEqual(["a:1 a:*", "a:2:x *:x", "a:2:x a:*", "b:1 0"]);
      expect(await from.internals.invalidate(request)).toBe(3);
      expect(await from.internals.list(request)).toEqual([]);
    }
  });

  test("soft: marked stale once, counted once, whatever meets it", async (t) => {
    const cache = t.cache();
    for (const key of ["a:1", "a:2", "b:1"]) await cache.set(key, 1, { ttl: 60, staleTtl: 60, tags: ["x"] });
    const request = { tags: ["x"], patterns: ["a:*", "*:1"], soft: true };
    expect(await cache.internals.invalidate(request)).toBe(3);
    expect(await cache.internals.invalidate(request)).toBe(0);
    await t.until(async () => (await cache.lookup("a:1"))?.state === "stale", "the mark");
  });

  test("a dependency is no tag of a caller's, and its id is no glob", async (t) => {
    const cache = t.cache();
    await cache.set("one", 1, { ttl: 60, dependsOn: [["users", "*"]], tags: ["users"] });
    await cache.set("two", 2, { ttl: 60, dependsOn: [["users", "a"]] });
    expect((await cache.lookup("one"))?.tags).toEqual(["users"]);
    expect(await cache.internals.invalidate({ dependencies: ["users"] })).toBe(0);
    expect(await cache.internals.invalidate({ dependencies: [["users", "*"]] })).toBe(1);
    expect(await cache.get("two")).toBe(2);
    await expect(cache.set("x", 1, { dependsOn: [["users", "a\u0000"]] })).rejects.toMatchObject({
      code: "INVALID_TAG",
    });
  });

  test("what a fetcher tracks, through its asynchronous calls, the value depends on", async (t) => {
    const cache = t.cache();
    const load = async (id: string): Promise<string> => {
      await Promise.resolve();
      track("companies", id);
      return id;
    };
    await cache.getOrSet("k", () => load("7"), 60);
    await cache.getOrSetMany(["m", "n"], async (keys) => Promise.all(keys.map(() => load("8"))), 60);
    await cache.getOrSet("outer", () => cache.getOrSet("inner", () => load("9"), 60), 60);
    track("companies", "outside");
    expect(await cache.internals.invalidate({ dependencies: [["companies", "7"]] })).toBe(1);
    expect(await cache.internals.invalidate({ dependencies: [["companies", "8"]] })).toBe(2);
    expect(await cache.internals.invalidate({ dependencies: [["companies", "9"]] })).toBe(2);
  });

  test("what a fetcher takes from other entries, the value depends on as they do", async (t) => {
    const cache = t.cache();
    const made = (id: string) => () => {
      track("companies", id);
      return id;
    };
    for (const id of ["1", "2", "3"]) await cache.getOrSet(`inner:${id}`, made(id), 60);
    await cache.set("given", 1, { ttl: 60, dependsOn: [["companies", "4"], "deals"], tags: ["own"] });
    const never = (): never => {
      throw new Error("it is there");
    };
    const takes: Record<string, () => Promise<unknown>> = {
      hit: () => cache.getOrSet("inner:1", never, 60),
      get: () => cache.get("inner:1"),
      many: () => cache.getMany(["inner:2", "inner:1"]),
      batch: () => cache.getOrSetMany(["inner:1"], never, 60),
      lookup: () => cache.lookup("inner:1"),
      lease: async () => (await cache.lease("inner:1")).value,
      named: () => cache.getOrSet("fresh", () => 1, { ttl: 60, dependsOn: [["companies", "1"]] }),
      deep: () => cache.getOrSet("middle", () => cache.get("inner:1"), 60),
    };
    for (const [name, take] of Object.entries(takes)) await cache.getOrSet(`outer:${name}`, take, 60);
    await cache.getOrSet("other", () => cache.get("given"), 60);
    // Another caller's fetch.
    const slow = slowFetcher<string>();
    const tracked = (): Promise<string> => {
      track("companies", "1");
      return slow.fetcher();
    };
    const theirs = cache.getOrSet("shared", tracked, 60);
    await slow.begun;
    const joined = new Promise<void>((resolve) => {
      cache.on("fetch:join", () => resolve());
    });
    const ours = cache.getOrSet("outer:joined", () => cache.getOrSet("shared", never, 60), 60);
    await joined;
    slow.end("shared");
    expect([await theirs, await ours]).toEqual(["shared", "shared"]);

    await cache.internals.invalidate({ dependencies: [["companies", "1"]] });
    for (const name of [...Object.keys(takes), "joined"])
      expect(await cache.get(`outer:${name}`), name).toBe(null);
    expect(await cache.get("inner:2")).toBe("2");
    expect(await cache.get("other")).toBe(1);
    await cache.internals.invalidate({ tags: ["own"] });
    expect(await cache.get("other")).toBe(1);
    await cache.internals.invalidate({ dependencies: ["deals"] });
    expect(await cache.get("other")).toBe(null);
  });

  test("a fill whose dependency changes while its fetcher runs is refused", async (t) => {
    const cache = t.cache();
    const slow = slowFetcher<number>();
    const reading = cache.getOrSet(
      "k",
      () => {
        track("companies", "1");
        return slow.fetcher();
      },
      60,
    );
    await slow.begun;
    await cache.internals.invalidate({ dependencies: [["companies", "1"]] });
    slow.end(1);
    expect(await reading).toBe(1);
    expect(await cache.get("k")).toBe(null);
  });

  test("more rows than an entry can name count as their whole entity", async (t) => {
    const cache = t.cache();
    const ids = Array.from({ length: 100 }, (_, i) => String(i));
    const list = (): string[] => {
      for (const id of ids) track("companies", id);
      return ids;
    };
    await cache.getOrSet("list", list, 60);
    expect(await cache.internals.invalidate({ dependencies: [["companies", "5"]] })).toBe(0);
    expect(await cache.internals.invalidate({ dependencies: ["companies"] })).toBe(1);
    const long = "x".repeat(900);
    await cache.set("long", 1, { ttl: 60, dependsOn: [["companies", long]] });
    expect(await cache.internals.invalidate({ dependencies: [["companies", long]] })).toBe(1);
  });

  test("a record is on the bus with the removal, or before it, and a removal that follows is noticed", async (t) => {
    const [cache, other] = [t.cache(), t.cache()];
    cache.internals.keepHistory(5_000, 60_000);
    await other.set("a:1", 1, 60);
    await other.get("a:1");
    await cache.internals.appendRecord({ id: "none" });
    await cache.internals.invalidate({ patterns: ["a:*"], record: { id: "one" } });
    await cache.internals.invalidate({ patterns: ["b:*", "c:*"], record: { id: "two" } });
    await t.until(async () => (await other.get("a:1")) === null, "the end of the entry");
  });
};
