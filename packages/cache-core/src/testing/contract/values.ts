import { type Chapter, SLACK } from "./suite.ts";

const VALUES: readonly unknown[] = [
  0,
  -1.5,
  "",
  "text š 😀",
  true,
  false,
  [],
  {},
  [1, [2, [3]]],
  { a: { b: [null, { c: "d" }] } },
  new Date("2026-11-23T10:00:00.123Z"),
  { created: new Date(0), list: [new Date(1)], deep: { again: new Date(2) } },
  null,
];

/** Keys that mean something to Redis, to a Cluster, to globs, or to JavaScript. */
export const ODD_KEYS: readonly string[] = [
  "*",
  "?",
  "[a-z]",
  "\\",
  "a\\*b",
  "{tag}",
  "{}",
  "}{",
  "a:b::c",
  ":",
  " ",
  "a b",
  "š",
  "日本語",
  "😀",
  "\ue000",
  "\uffff",
  "__proto__",
  "constructor",
  "NaN",
  "1",
  "x".repeat(1024),
];

/** get, set, getMany, setMany, del, exists, lookup: what goes in comes out. */
export const values: Chapter = ({ expect }, test) => {
  test("a key that was never written is null, absent and without metadata", async (t) => {
    const cache = t.cache();
    expect(await cache.get("k")).toBe(null);
    expect(await cache.exists("k")).toBe(false);
    expect(await cache.lookup("k")).toBe(undefined);
    expect(await cache.del("k")).toBe(0);
  });

  test("a value comes back as it went in, also to another process", async (t) => {
    const [writer, reader] = [t.cache(), t.cache()];
    for (const [i, value] of VALUES.entries()) {
      expect(await writer.set(`k${i}`, value, 60)).toBe(true);
      expect(await writer.get(`k${i}`)).toEqual(value);
      expect(await reader.get(`k${i}`)).toEqual(value);
    }
  });

  test("a Date is a real Date, at every depth and from every tier", async (t) => {
    const cache = t.cache();
    const at = new Date("2026-02-03T04:05:06.789Z");
    await cache.set("k", { at, rows: [{ at }] }, 60);
    for (let read = 0; read < 3; read++) {
      const row = (await cache.get<{ at: Date; rows: { at: Date }[] }>("k"))!;
      expect(row.at instanceof Date && row.rows[0]!.at instanceof Date).toBe(true);
      expect(row.at.getTime()).toBe(at.getTime());
    }
  });

  test("a cached null is told from a miss by lookup and exists", async (t) => {
    const cache = t.cache();
    await cache.set("k", null, 60);
    expect(await cache.get("k")).toBe(null);
    expect(await cache.exists("k")).toBe(true);
    expect((await cache.lookup("k"))?.value).toBe(null);
  });

  test("undefined cannot be cached, and what was there stays", async (t) => {
    const cache = t.cache();
    await cache.set("k", 1, 60);
    await expect(cache.set("k", undefined, 60)).rejects.toMatchObject({ code: "UNDEFINED_VALUE" });
    await expect(cache.setMany([{ key: "k", value: undefined }])).rejects.toMatchObject({
      code: "UNDEFINED_VALUE",
    });
    expect(await cache.get("k")).toBe(1);
  });

  test("what a caller does to a value reaches neither the cache nor other callers", async (t) => {
    const cache = t.cache();
    const given = { list: [1] };
    await cache.set("k", given, 60);
    given.list.push(2);
    const [one, two] = await Promise.all([
      cache.get<{ list: number[] }>("k"),
      cache.get<{ list: number[] }>("k"),
    ]);
    try {
      one!.list.push(3);
    } catch {
      // A frozen value is as good as a copy.
    }
    expect(two).toEqual({ list: [1] });
    expect(await cache.get("k")).toEqual({ list: [1] });
  });

  test("a later value replaces an earlier one", async (t) => {
    const cache = t.cache();
    await cache.set("k", "old", 60);
    expect(await cache.get("k")).toBe("old");
    await cache.set("k", "new", { ttl: "1m" });
    expect(await cache.get("k")).toBe("new");
  });

  test("keys with glob characters, braces and Unicode are data", async (t) => {
    const cache = t.cache();
    for (const key of ODD_KEYS) await cache.set(key, { key }, 60);
    for (const key of ODD_KEYS) expect(await cache.get(key)).toEqual({ key });
    expect(await cache.getMany(ODD_KEYS)).toEqual(ODD_KEYS.map((key) => ({ key })));
    for (const [i, key] of ODD_KEYS.entries()) {
      expect(await cache.del(key), key).toBe(1);
      expect((await cache.getStats()).keys).toBe(ODD_KEYS.length - i - 1);
    }
  });

  test("getMany keeps the order, also with repetitions and misses", async (t) => {
    const cache = t.cache();
    expect(await cache.getMany([])).toEqual([]);
    await cache.setMany([
      { key: "a", value: 1 },
      { key: "b", value: null },
      { key: "c", value: { d: new Date(3) } },
    ]);
    for (let read = 0; read < 2; read++) {
      expect(await cache.getMany(["c", "x", "a", "b", "a"])).toEqual([{ d: new Date(3) }, null, 1, null, 1]);
    }
  });

  test("setMany stores each with its own TTL and tags, the last of a repeated key wins", async (t) => {
    const cache = t.cache();
    expect(await cache.setMany([])).toBe(0);
    const entries = [
      { key: "a", value: 0, ttl: 60 },
      { key: "b", value: 2, ttl: "1h", tags: ["even"] },
      { key: "c", value: 4, ttl: 60, tags: ["even"] },
      { key: "a", value: 1, ttl: 60, tags: ["odd"] },
    ] as const;
    expect(await cache.setMany(entries)).toBe(4);
    expect(await cache.getMany(["a", "b", "c"])).toEqual([1, 2, 4]);
    const found = (await cache.lookup("b"))!;
    expect(found.tags).toEqual(["even"]);
    expect(found.ttl).toBeGreaterThan(3_590);
    expect(await cache.invalidateByTag("even")).toBe(2);
    expect(await cache.getMany(["a", "b", "c"])).toEqual([1, null, null]);
  });

  test("del resolves to the number of entries there were, each key once", async (t) => {
    const cache = t.cache();
    await cache.setMany(["a", "b", "c"].map((key) => ({ key, value: key })));
    expect(await cache.del()).toBe(0);
    expect(await cache.del("a", "a", "b", "x")).toBe(2);
    expect(await cache.del("a", "b")).toBe(0);
    expect(await cache.getMany(["a", "b", "c"])).toEqual([null, null, "c"]);
  });

  test("lookup tells value, state, TTLs, creation and tags", async (t) => {
    const cache = t.cache();
    await cache.set("k", { a: 1 }, { ttl: 60, staleTtl: 40, tags: ["t1", "t2"] });
    const found = (await cache.lookup("k"))!;
    expect(found).toMatchObject({ value: { a: 1 }, state: "fresh", tags: ["t1", "t2"] });
    expect(found.ttl).toBeGreaterThan(50);
    expect(found.ttl).toBeLessThanOrEqual(60 + SLACK);
    expect(found.expiresIn).toBeGreaterThan(90);
    expect(found.expiresIn).toBeLessThanOrEqual(100 + SLACK);
    expect(found.createdAt instanceof Date).toBe(true);
    expect(Math.abs(found.createdAt.getTime() - t.store.serverNow(""))).toBeLessThanOrEqual(5_000);
  });

  test("setWithTags stores like set, with tags", async (t) => {
    const cache = t.cache();
    expect(await cache.setWithTags("user:123:profile", { n: 1 }, ["users", "user:123"], 300)).toBe(true);
    expect((await cache.lookup("user:123:profile"))?.tags).toEqual(["users", "user:123"]);
    expect(await cache.invalidateByTag("user:123")).toBe(1);
    expect(await cache.get("user:123:profile")).toBe(null);
  });

  test("tags that do not fit into an entry together are refused, however they come", async (t) => {
    const cache = t.cache();
    const many = (letter: string): string[] =>
      Array.from({ length: 64 }, (_, i) => letter.repeat(1_000).concat(String(i)));
    const refusal = { code: "INVALID_TAG", parameter: "tags" };
    // The name of a scope is part of each tag.
    const scope = cache.scope("s".repeat(128));
    await expect(scope.set("k", 1, { tags: many("a") })).rejects.toMatchObject(refusal);
    await expect(
      scope.setMany([
        { key: "j", value: 1 },
        { key: "k", value: 1, tags: many("a") },
      ]),
    ).rejects.toMatchObject(refusal);
    const both = cache.getOrSet("k", (fetch) => fetch.addTags(...many("b")) ?? 1, { tags: many("a") });
    await expect(both).rejects.toMatchObject(refusal);
    const lease = await scope.lease("k");
    await expect(lease.fill(1, { tags: many("a") })).rejects.toMatchObject(refusal);
    await lease.release();
    expect(await scope.getMany(["j", "k"])).toEqual([null, null]);
    expect((await cache.explain("k")).leased).toBe(false);
    expect(await cache.set("k", 1, { tags: many("a") })).toBe(true);
    expect((await cache.lookup("k"))?.tags).toEqual(many("a"));
  });
};
