import { type Chapter, slowFetcher } from "./suite.ts";

/** Everything that could be mistaken for syntax, and letters on the borders of UTF-8 and UTF-16. */
const ALPHABET = [
  ..."ab*?[]^-\\:{}|,.0 ",
  "š",
  "日",
  "\u00a0",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "😀",
  "\u{10ffff}",
];

/** Mulberry32: the same names in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function fuzzedNames(count: number): string[] {
  const random = seeded(20_261_123);
  const names = new Set<string>();
  while (names.size < count) {
    const length = 1 + Math.floor(random() * 6);
    let name = "";
    for (let i = 0; i < length; i++) name += ALPHABET[Math.floor(random() * ALPHABET.length)];
    names.add(name);
  }
  return [...names];
}

/** scope(): a tenant sees, removes and counts its own, whatever it is called. */
export const scopes: Chapter = ({ expect }, test) => {
  test("the same key in two scopes and at the root is three entries", async (t) => {
    const cache = t.cache();
    const [a, b] = [cache.scope("a"), cache.scope("b")];
    await cache.set("k", "root", { ttl: 60, tags: ["t"] });
    await a.set("k", "a", { ttl: 60, tags: ["t"] });
    await b.set("k", "b", { ttl: 60, tags: ["t"] });
    for (const [view, value] of [
      [cache, "root"],
      [a, "a"],
      [b, "b"],
    ] as const) {
      expect(await view.get("k")).toBe(value);
      expect(await view.lookup("k")).toMatchObject({ value, tags: ["t"] });
      expect(await view.getMany(["k"])).toEqual([value]);
    }
    expect((await cache.getStats()).keys).toBe(3);
    expect((await a.getStats()).keys).toBe(1);
    expect(await a.invalidateByTag("t")).toBe(1);
    expect(await a.get("k")).toBe(null);
    expect(await b.invalidatePattern("*")).toBe(1);
    expect(await cache.invalidatePattern("*")).toBe(1);
  });

  test("the root's patterns leave scopes alone; its clear does not", async (t) => {
    const cache = t.cache();
    const scope = cache.scope("a");
    await cache.set("k", 1, 60);
    await scope.set("k", 1, 60);
    expect(await cache.invalidatePattern("*")).toBe(1);
    expect(await scope.get("k")).toBe(1);
    expect(await cache.clear()).toBe(1);
    expect(await scope.get("k")).toBe(null);
  });

  test("scopes nest: the outer clears and counts the inner, not the other way round", async (t) => {
    const cache = t.cache();
    const outer = cache.scope("a");
    const inner = outer.scope("b");
    const twin = cache.scope("ab");
    for (const view of [outer, inner, twin]) await view.set("k", 1, 60);
    expect((await outer.getStats()).keys).toBe(2);
    expect((await inner.getStats()).keys).toBe(1);
    expect(await outer.invalidatePattern("*")).toBe(1);
    expect(await inner.get("k")).toBe(1);
    expect(await outer.clear()).toBe(1);
    expect(await twin.get("k")).toBe(1);
  });

  test("fills, leases and messages stay inside", async (t) => {
    const cache = t.cache();
    const [a, b] = [cache.scope("a"), cache.scope("b")];
    const slow = slowFetcher<string>();
    const call = a.getOrSet("k", slow.fetcher, { ttl: 60, tags: ["t"] });
    await slow.begun;
    expect(await b.getOrSet("k", () => "b", 60)).toBe("b");
    await b.clear();
    await b.del("k");
    await b.invalidateByTag("t");
    await cache.invalidatePattern("*");
    slow.end("a");
    expect(await call).toBe("a");
    expect(await a.get("k")).toBe("a");
    const heard: unknown[] = [];
    const stop = await a.subscribe("news", (message) => heard.push(message));
    await b.publish("news", "b");
    await cache.publish("news", "root");
    await a.publish("news", "a");
    await t.until(() => heard.length > 0, "the message");
    expect(heard).toEqual(["a"]);
    await stop();
  });

  test("names are data: fuzzed ones with * ? [ ] \\ : { } and Unicode keep apart", async (t) => {
    const cache = t.cache();
    const names = fuzzedNames(t.settings.scopeNames);
    const PAGE = 500;
    for (let i = 0; i < names.length; i += PAGE) {
      await Promise.all(
        names.slice(i, i + PAGE).map((name) => cache.scope(name).set("k", name, { ttl: 600, tags: ["t"] })),
      );
    }
    expect((await cache.getStats()).keys).toBe(names.length);
    // Each third one acts; what it meets is one entry, its own.
    const actors = names.filter((_, i) => i % 3 === 0);
    for (let i = 0; i < actors.length; i += PAGE) {
      const removed = await Promise.all(
        actors.slice(i, i + PAGE).map((name, at) => {
          const view = cache.scope(name);
          if (at % 4 === 0) return view.invalidatePattern("*");
          if (at % 4 === 1) return view.invalidateByTag("t");
          if (at % 4 === 2) return view.clear();
          return view.invalidatePattern("[a-z]");
        }),
      );
      expect(new Set(removed)).toEqual(new Set([1]));
    }
    for (let i = 0; i < names.length; i += PAGE) {
      const page = names.slice(i, i + PAGE);
      const left = await Promise.all(page.map((name) => cache.scope(name).get("k")));
      expect(left).toEqual(page.map((name, at) => ((i + at) % 3 === 0 ? null : name)));
    }
    expect((await cache.getStats()).keys).toBe(names.length - actors.length);
  });
};
