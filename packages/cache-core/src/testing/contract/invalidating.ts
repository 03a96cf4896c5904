import { escapeGlob } from "../../glob.ts";
import { type Chapter, slowFetcher } from "./suite.ts";
import { ODD_KEYS } from "./values.ts";

/** Tags, patterns, clear: what goes, what stays, and exact counts. */
export const invalidating: Chapter = ({ expect }, test) => {
  test("a tag removes every entry that has it and no other, and counts them", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    await one.setMany([
      { key: "a", value: 1, tags: ["x"] },
      { key: "b", value: 2, tags: ["x", "y"] },
      { key: "c", value: 3, tags: ["y"] },
      { key: "d", value: 4 },
    ]);
    expect(await two.invalidateByTag("none")).toBe(0);
    expect(await two.invalidateByTag("x")).toBe(2);
    await t.until(async () => (await one.get("b")) === null, "the bus");
    expect(await one.getMany(["a", "b", "c", "d"])).toEqual([null, null, 3, 4]);
    expect(await two.invalidateByTag("x")).toBe(0);
    expect(await two.invalidateByTag(["x", "y"])).toBe(1);
    expect(await two.invalidateByTag([])).toBe(0);
  });

  test("an entry has the tags of its last write only", async (t) => {
    const cache = t.cache();
    await cache.set("k", 1, { tags: ["a", "b"] });
    await cache.set("k", 2, { tags: ["b", "c"] });
    expect(await cache.invalidateByTag("a")).toBe(0);
    expect(await cache.get("k")).toBe(2);
    expect(await cache.invalidateByTag("c")).toBe(1);
    await cache.getOrSet("k", () => 3, { ttl: 60, tags: ["a"] });
    expect(await cache.invalidateByTag(["b", "c"])).toBe(0);
    await cache.set("k", 4, 60);
    expect(await cache.invalidateByTag("a")).toBe(0);
    expect(await cache.get("k")).toBe(4);
  });

  test("tags with glob characters, NUL-like texts and Unicode are data", async (t) => {
    const cache = t.cache();
    const tags = ["*", "a*", "[x]", "\\", "{a}", "a|b", "a,b", "š😀", " "];
    await cache.setMany(tags.map((tag, i) => ({ key: `k${i}`, value: tag, tags: [tag] })));
    for (const [i, tag] of tags.entries()) {
      expect(await cache.invalidateByTag(tag), tag).toBe(1);
      expect(await cache.get(`k${i}`)).toBe(null);
    }
  });

  test("an entry may have 64 tags of any length that is allowed", async (t) => {
    const cache = t.cache();
    const tags = Array.from({ length: 63 }, (_, i) => `${"t".repeat(100)}${i}`);
    await cache.set("k", 1, { tags: [...tags, "š".repeat(512)] });
    expect((await cache.lookup("k"))?.tags.length).toBe(64);
    expect(await cache.invalidateByTag("š".repeat(512))).toBe(1);
  });

  test("a pattern has the semantics of Redis globs", async (t) => {
    const cache = t.cache();
    const keys = ["companies:1", "companies:list:1", "companies:list:2", "companies", "projects:1", "x[1]"];
    const cases: [string, string[]][] = [
      ["companies:*", ["companies:1", "companies:list:1", "companies:list:2"]],
      ["companies:list:?", ["companies:list:1", "companies:list:2"]],
      ["*:1", ["companies:1", "companies:list:1", "projects:1"]],
      ["companies", ["companies"]],
      ["c*s:[^2]", ["companies:1"]],
      ["x\\[1\\]", ["x[1]"]],
      ["x[1]", []],
      ["*", keys],
      ["nothing*", []],
    ];
    for (const [pattern, gone] of cases) {
      await cache.setMany(keys.map((key) => ({ key, value: key })));
      expect(await cache.invalidatePattern(pattern), pattern).toBe(gone.length);
      const left = await cache.getMany(keys);
      expect(left, pattern).toEqual(keys.map((key) => (gone.includes(key) ? null : key)));
    }
  });

  test("several patterns count each entry once", async (t) => {
    const cache = t.cache();
    await cache.setMany(["a:1", "a:2", "b:1"].map((key) => ({ key, value: 1 })));
    expect(await cache.invalidatePattern(["a:*", "*:1", "a:1", "a:*"])).toBe(3);
    expect(await cache.invalidatePattern([])).toBe(0);
  });

  test("an escaped key is a pattern for that key alone", async (t) => {
    const cache = t.cache();
    const keys = ODD_KEYS.filter((key) => key.length < 500);
    for (const [i, key] of keys.entries()) {
      await cache.setMany(keys.map((each) => ({ key: each, value: 1 })));
      expect(await cache.invalidatePattern(escapeGlob(key)), key).toBe(1);
      if (i % 5 === 0) expect(await cache.get(key)).toBe(null);
    }
  });

  test("counts are exact beyond a page of the server", async (t) => {
    const cache = t.cache();
    const entries = Array.from({ length: 2_300 }, (_, i) => ({ key: `p:${i}`, value: i, tags: ["bulk"] }));
    for (let i = 0; i < entries.length; i += 460) await cache.setMany(entries.slice(i, i + 460));
    expect((await cache.getStats()).keys).toBe(2_300);
    expect(await cache.invalidatePattern("p:1*")).toBe(1_111);
    expect(await cache.invalidateByTag("bulk", { soft: true })).toBe(1_189);
    expect(await cache.invalidateByTag("bulk")).toBe(1_189);
    expect((await cache.getStats()).keys).toBe(0);
    await cache.setMany(entries.slice(0, 600));
    const keys = entries.map((entry) => entry.key);
    expect(await cache.del(...keys)).toBe(600);
  });

  test("expired entries are not counted", async (t) => {
    const cache = t.cache();
    await cache.set("p:1", 1, { ttl: "20ms", tags: ["t"] });
    await cache.set("p:2", 1, { ttl: 60, tags: ["t"] });
    await t.pass(cache, "p:1", 40);
    expect((await cache.getStats()).keys).toBe(1);
    expect(await cache.invalidatePattern("p:*", { soft: true })).toBe(1);
    expect(await cache.invalidateByTag("t")).toBe(1);
  });

  test("soft: by key, tag and pattern, the old value is served as stale while one refresh runs", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const options = { ttl: 60, staleTtl: 60, tags: ["t"] } as const;
    const ways: Record<string, (key: string) => Promise<number>> = {
      key: (key) => two.invalidate(key, { soft: true }),
      tag: () => two.invalidateByTag("t", { soft: true }),
      pattern: (key) => two.invalidatePattern(`${key}*`, { soft: true }),
    };
    for (const [way, invalidate] of Object.entries(ways)) {
      await one.set(way, "old", options);
      expect(await invalidate(way), way).toBe(1);
      await t.until(async () => (await one.get(way)) === null, "the bus");
      expect(await one.lookup(way), way).toMatchObject({ value: "old", state: "stale" });
      const slow = slowFetcher<string>();
      expect(await one.getOrSet(way, slow.fetcher, options), way).toBe("old");
      await slow.begun;
      slow.end("new");
      await t.until(async () => (await one.get(way)) === "new", "the refresh");
      expect(slow.calls).toBe(1);
      await two.del(way);
    }
  });

  test("soft: fills under way are refused like by any invalidation", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<string>();
    const call = one.getOrSet("k", slow.fetcher, 60);
    await slow.begun;
    await two.invalidate("k", { soft: true });
    slow.end("old");
    await call;
    expect(await one.lookup("k")).toBe(undefined);
  });

  test("clear removes this namespace and no other's", async (t) => {
    const [cache, other] = [t.cache(), t.cache({ namespace: `${t.namespace}x` })];
    await cache.setMany(["a", "b"].map((key) => ({ key, value: 1, tags: ["t"] })));
    await other.setMany(["a", "b"].map((key) => ({ key, value: 1, tags: ["t"] })));
    expect(await cache.clear()).toBe(2);
    expect(await cache.clear()).toBe(0);
    expect(await cache.getMany(["a", "b"])).toEqual([null, null]);
    expect(await cache.invalidatePattern("*")).toBe(0);
    expect(await cache.invalidateByTag("t")).toBe(0);
    expect(await other.getMany(["a", "b"])).toEqual([1, 1]);
    expect(await other.invalidateByTag("t")).toBe(2);
  });
};
