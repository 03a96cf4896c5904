import { type Chapter, slowFetcher } from "./suite.ts";

/** getOrSetMany: one call of the fetcher for all that are missing. */
export const many: Chapter = ({ expect }, test) => {
  test("fetches only what is missing, once, and stores it", async (t) => {
    const cache = t.cache();
    await cache.set("b", "cached", 60);
    const asked: string[][] = [];
    const fetcher = async (keys: readonly string[]): Promise<string[]> => {
      asked.push([...keys]);
      return keys.map((key) => `fetched ${key}`);
    };
    const wanted = ["a", "b", "c", "a"];
    const expected = ["fetched a", "cached", "fetched c", "fetched a"];
    expect(await cache.getOrSetMany(wanted, fetcher, 60)).toEqual(expected);
    expect(await cache.getOrSetMany(wanted, fetcher, 60)).toEqual(expected);
    expect(await cache.getOrSetMany([], fetcher, 60)).toEqual([]);
    expect(asked).toEqual([["a", "c"]]);
    expect(await cache.getMany(["a", "c"])).toEqual(["fetched a", "fetched c"]);
  });

  test("takes a Map, and keys without a value stay misses", async (t) => {
    const cache = t.cache();
    const fetcher = async (): Promise<Map<string, number | null>> =>
      new Map([
        ["a", 1],
        ["c", null],
      ]);
    expect(await cache.getOrSetMany(["a", "b", "c"], fetcher, 60)).toEqual([1, null, null]);
    expect(await cache.lookup("b")).toBe(undefined);
    expect(await cache.lookup("c")).toBe(undefined);
  });

  test("nullTtl stores nulls, but not keys without a value; tags hold for all", async (t) => {
    const cache = t.cache();
    const options = { ttl: 60, nullTtl: 30, tags: ["batch"] } as const;
    const answer = async (): Promise<(number | null | undefined)[]> => [1, null, undefined];
    expect(await cache.getOrSetMany(["a", "b", "c"], answer, options)).toEqual([1, null, null]);
    expect((await cache.lookup("b"))?.value).toBe(null);
    expect(await cache.lookup("c")).toBe(undefined);
    expect(await cache.invalidateByTag("batch")).toBe(2);
  });

  test("an answer that does not fit the keys is refused, and an error reaches the caller", async (t) => {
    const cache = t.cache();
    await expect(cache.getOrSetMany(["a", "b"], async () => [1], 60)).rejects.toMatchObject({
      code: "INVALID_FETCHER",
    });
    const error = new Error("no database");
    await expect(cache.getOrSetMany(["a"], () => Promise.reject(error), 60)).rejects.toBe(error);
    expect(await cache.getMany(["a", "b"])).toEqual([null, null]);
    expect(await cache.getOrSetMany(["a", "b"], async () => [1, 2], 60)).toEqual([1, 2]);
  });

  test("what others are fetching is waited for, not fetched again", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<string>();
    const single = one.getOrSet("a", slow.fetcher, 60);
    await slow.begun;
    const asked: string[][] = [];
    const calls = [one, two].map((cache) =>
      cache.getOrSetMany(
        ["a", "b"],
        async (keys) => {
          asked.push([...keys]);
          return keys.map((key) => `many ${key}`);
        },
        60,
      ),
    );
    await t.until(() => asked.length > 0, "the fetch of the other key");
    slow.end("single a");
    expect(await single).toBe("single a");
    for (const values of await Promise.all(calls)) expect(values).toEqual(["single a", "many b"]);
    expect(asked).toEqual([["b"]]);
  });

  test("stale values are served at once and refreshed behind", async (t) => {
    const cache = t.cache();
    const options = { ttl: 60, staleTtl: 60 } as const;
    await cache.setMany([
      { key: "a", value: "old a", ttl: "20ms", staleTtl: 60 },
      { key: "b", value: "b", ttl: 60 },
    ]);
    await t.pass(cache, "a", 40);
    const fetcher = async (keys: readonly string[]): Promise<string[]> => keys.map((key) => `new ${key}`);
    expect(await cache.getOrSetMany(["a", "b"], fetcher, options)).toEqual(["old a", "b"]);
    await t.until(async () => (await cache.get("a")) === "new a", "the refresh");
  });

  test("a key invalidated while the batch runs is not stored; the others are", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<string[]>();
    const call = one.getOrSetMany(["a", "b"], slow.fetcher, 60);
    await slow.begun;
    await two.del("a");
    slow.end(["old a", "b"]);
    expect(await call).toEqual(["old a", "b"]);
    expect(await one.getMany(["a", "b"])).toEqual([null, "b"]);
  });
};
