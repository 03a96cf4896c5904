import type { Cache } from "../../cache.ts";
import { type Chapter, slowFetcher } from "./suite.ts";

const KEY = "race:1";
const OPTIONS = { ttl: 60, tags: ["t", "u"] } as const;

/** Every way in which a key may be invalidated. */
const WAYS: Record<string, (cache: Cache) => Promise<unknown>> = {
  del: (cache) => cache.del(KEY),
  "del of many": (cache) => cache.del("a", KEY, "b"),
  "a tag": (cache) => cache.invalidateByTag("u"),
  "a pattern": (cache) => cache.invalidatePattern("race:*"),
  "a pattern with a leading star": (cache) => cache.invalidatePattern("*:1"),
  "a literal pattern": (cache) => cache.invalidatePattern(KEY),
  clear: (cache) => cache.clear(),
  "a soft del": (cache) => cache.invalidate(KEY, { soft: true }),
  "a soft tag": (cache) => cache.invalidateByTag("t", { soft: true }),
  "a soft pattern": (cache) => cache.invalidatePattern("race:?", { soft: true }),
  set: (cache) => cache.set(KEY, "new", OPTIONS),
  setMany: (cache) => cache.setMany([{ key: KEY, value: "new", ttl: 60 }]),
};

/**
 * What was fetched before an invalidation was acknowledged is never readable afterwards. The control arm, with the
 * refusal taken out, is in `test/promise-1-stale.test.ts`.
 */
export const races: Chapter = ({ expect }, test) => {
  for (const [way, invalidate] of Object.entries(WAYS)) {
    test(`a slow fill loses against ${way}, wherever it comes from`, async (t) => {
      for (const where of ["own", "other"]) {
        const [one, two, three] = [t.cache(), t.cache(), t.cache()];
        const slow = slowFetcher<string>();
        const first = one.getOrSet(KEY, slow.fetcher, OPTIONS);
        await slow.begun;
        const waiting = two.getOrSet(KEY, () => "new", OPTIONS);
        await t.advance(2);
        await invalidate(where === "own" ? one : two);
        // Acknowledged. Whoever comes now must not get the old value: not in the process that fetches it …
        const joined = one.getOrSet(KEY, () => "new", OPTIONS);
        // … nor in another.
        const elsewhere = three.getOrSet(KEY, () => "new", OPTIONS);
        await t.advance(2);
        slow.end("old");
        expect(await first).toBe("old");
        expect(["old", "new"]).toContain(await waiting);
        expect(await joined, where).toBe("new");
        expect(await elsewhere, where).toBe("new");
        // What a waiting caller stored before the acknowledgement may have been marked stale, too.
        const readable = way.startsWith("a soft") ? ["new", null] : ["new"];
        for (const cache of [one, two, three]) expect(readable, where).toContain(await cache.get(KEY));
        await one.clear();
        await t.until(
          async () => (await two.get(KEY)) === null && (await three.get(KEY)) === null,
          "the bus",
        );
      }
    });
  }

  test("a tag that the fetcher adds at its end is as safe", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<string>();
    const first = one.getOrSet(
      KEY,
      async (context) => {
        const value = await slow.fetcher();
        context.addTags("dynamic");
        return value;
      },
      60,
    );
    await slow.begun;
    await two.invalidateByTag("dynamic");
    const joined = one.getOrSet(KEY, () => "new", 60);
    slow.end("old");
    expect(await first).toBe("old");
    expect(await joined).toBe("new");
    expect(await two.get(KEY)).toBe("new");
  });

  test("a tag invalidated before a fetch began does not refuse it", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const other = slowFetcher<string>();
    const holding = two.getOrSet("other", other.fetcher, 60);
    await other.begun;
    // The lease of the other key makes the tag leave its mark.
    await one.invalidateByTag("t");
    await t.advance(2);
    await one.getOrSet(KEY, () => "value", OPTIONS);
    expect(await two.get(KEY)).toBe("value");
    other.end("x");
    await holding;
  });

  for (const [outcome, stored] of [
    ["null", false],
    ["null that is stored", true],
    ["an error", false],
  ] as const) {
    test(`${outcome} fetched before an invalidation is not given to those who come after it`, async (t) => {
      const [one, two] = [t.cache(), t.cache()];
      const options = stored ? { ttl: 60, nullTtl: 60 } : { ttl: 60 };
      const slow = slowFetcher<string | null>();
      const first = one.getOrSet(KEY, slow.fetcher, options).catch(() => "failed");
      await slow.begun;
      await two.del(KEY);
      const joined = one.getOrSet<string | null>(KEY, () => "new", options);
      await t.advance(2);
      if (outcome === "an error") slow.fail(new Error("no row yet"));
      else slow.end(null);
      expect(await first).toBe(outcome === "an error" ? "failed" : null);
      expect(await joined).toBe("new");
      expect(await two.get(KEY)).toBe("new");
    });
  }

  test("a background refresh that began before an invalidation is refused", async (t) => {
    for (const [way, invalidate] of Object.entries(WAYS)) {
      if (way.startsWith("a soft")) continue;
      const [one, two] = [t.cache(), t.cache()];
      await one.set(KEY, "older", { ttl: "15ms", staleTtl: 60, tags: ["t", "u"] });
      await t.pass(one, KEY, 30);
      const slow = slowFetcher<string>();
      expect(await one.getOrSet(KEY, slow.fetcher, { ...OPTIONS, staleTtl: 60 })).toBe("older");
      await slow.begun;
      await invalidate(two);
      slow.end("old");
      // Joined or not: never the value of the refresh, and never the one before it.
      expect(await one.getOrSet(KEY, () => "new", { ...OPTIONS, staleTtl: 60 }), way).toBe("new");
      expect(await two.get(KEY), way).toBe("new");
      await one.clear();
    }
  });

  test("an invalidation of something else refuses nothing", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<string>();
    const first = one.getOrSet(KEY, slow.fetcher, OPTIONS);
    await slow.begun;
    await two.del("race:2");
    await two.invalidateByTag("v");
    await two.invalidatePattern("race:[^1]*");
    slow.end("value");
    expect(await first).toBe("value");
    expect(await two.get(KEY)).toBe("value");
  });

  test("the refusal is counted and told", async (t) => {
    const cache = t.cache();
    const revoked: string[] = [];
    cache.on("fill:revoked", ({ key }) => revoked.push(key));
    const slow = slowFetcher<string>();
    const first = cache.getOrSet(KEY, slow.fetcher, OPTIONS);
    await slow.begun;
    await cache.del(KEY);
    slow.end("old");
    await first;
    expect(revoked).toEqual([KEY]);
    expect((await cache.getStats()).revokedFills).toBe(1);
  });
};
