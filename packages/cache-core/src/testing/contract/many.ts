import { type Chapter, deferred, listen, slowFetcher } from "./suite.ts";

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

  test("stale values are refreshed together, by one call, and not again while the source fails", async (t) => {
    const cache = t.cache();
    const options = { ttl: 60, staleTtl: 60, failSafeThrottle: "10s" } as const;
    const wanted = ["a", "b", "c"];
    const old = wanted.map((key) => ({ key, value: `old ${key}`, ttl: "20ms" as const, staleTtl: 60 }));
    await cache.setMany(old);
    for (const key of wanted) await t.pass(cache, key, 40);
    const failed = listen(cache, "background:error");
    let calls = 0;
    const failing = (): Promise<string[]> => {
      calls++;
      return Promise.reject(new Error("source down"));
    };
    const expected = wanted.map((key) => `old ${key}`);
    expect(await cache.getOrSetMany(wanted, failing, options)).toEqual(expected);
    await t.until(() => failed.length > 0, "the failure");
    expect(await cache.getOrSetMany(wanted, failing, options)).toEqual(expected);
    expect(calls).toBe(1);
    expect(failed.map(({ where }) => where)).toEqual(["refresh"]);

    // Another process knows nothing of the failure.
    const asked: string[][] = [];
    const working = async (keys: readonly string[]): Promise<string[]> => {
      asked.push([...keys]);
      return keys.map((key) => `new ${key}`);
    };
    expect(await t.cache().getOrSetMany(wanted, working, options)).toEqual(expected);
    const fresh = wanted.map((key) => `new ${key}`);
    const refreshed = async (): Promise<boolean> => {
      const found = await cache.getMany(wanted);
      return found.every((value, i) => value === fresh[i]);
    };
    await t.until(refreshed, "the refresh");
    expect(asked).toEqual([wanted]);
  });

  test("early refresh: what chance picks is refreshed together, ahead of its time", async (t) => {
    let chance = 0;
    const cache = t.cache({ random: () => chance });
    const options = { ttl: 60, earlyRefresh: 100 } as const;
    const asked: string[][] = [];
    const fetcher = async (keys: readonly string[]): Promise<string[]> => {
      asked.push([...keys]);
      return keys.map((key) => `new ${key}`);
    };
    await cache.setMany(["a", "b"].map((key) => ({ key, value: "old", ttl: "3s" as const })));
    await cache.set("c", "old", 600);
    expect(await cache.getOrSetMany(["a", "b", "c"], fetcher, options)).toEqual(["old", "old", "old"]);
    expect(asked).toEqual([]);
    // As for one key: 1 ms x 100 x -ln(2^-53) lies between 3 and 600 seconds.
    chance = 1 - Number.EPSILON / 2;
    expect(await cache.getOrSetMany(["a", "b", "c"], fetcher, options)).toEqual(["old", "old", "old"]);
    chance = 0;
    // Each is stored by itself, in a Cluster by nodes of their own.
    const refreshed = async (): Promise<boolean> => {
      const [a, b] = await cache.getMany(["a", "b"]);
      return a === "new a" && b === "new b";
    };
    await t.until(refreshed, "the early refreshed values");
    expect(await cache.get("c")).toBe("old");
    expect(asked).toEqual([["a", "b"]]);
  });

  test("fail-safe: old values take the place of a failure, where every key has one", async (t) => {
    const cache = t.cache();
    const options = { ttl: "20ms", failSafeTtl: 60, failSafeThrottle: "10s" } as const;
    await cache.getOrSetMany(["a", "b"], async () => ["old a", "old b"], options);
    for (const key of ["a", "b"]) await t.pass(cache, key, 40);
    const error = new Error("source down");
    let calls = 0;
    const failing = (): Promise<string[]> => {
      calls++;
      return Promise.reject(error);
    };
    await expect(cache.getOrSetMany(["a", "b", "none"], failing, options)).rejects.toBe(error);
    expect(await cache.getOrSetMany(["a", "b"], failing, options)).toEqual(["old a", "old b"]);
    expect(calls).toBe(2);
    // The source is left alone for the throttle time.
    expect(await cache.getOrSetMany(["a", "b"], failing, options)).toEqual(["old a", "old b"]);
    expect(calls).toBe(2);
    expect(await t.cache().getOrSetMany(["a", "b"], async () => [1, 2], options)).toEqual([1, 2]);
  });

  test("soft timeout: old values are served while the batch goes on", async (t) => {
    const cache = t.cache();
    await cache.getOrSetMany(["a", "b"], async () => ["old a", "old b"], { ttl: "20ms", failSafeTtl: 60 });
    for (const key of ["a", "b"]) await t.pass(cache, key, 40);
    const slow = slowFetcher<string[]>();
    const options = { ttl: 60, failSafeTtl: 60, softTimeout: "10ms" } as const;
    const call = cache.getOrSetMany(["a", "b"], slow.fetcher, options);
    await slow.begun;
    await t.advance(30);
    expect(await call).toEqual(["old a", "old b"]);
    slow.end(["new a", "new b"]);
    await t.until(async () => (await cache.get("b")) === "new b", "the end of the batch");

    // Nobody waits any more for what becomes of it: a value that cannot be carried is told.
    const failed = listen(cache, "background:error");
    await cache.set("a", "old a", { ttl: "20ms", staleTtl: 60 });
    await t.pass(cache, "a", 40);
    const broken = slowFetcher<unknown[]>();
    const late = cache.getOrSetMany(["a"], broken.fetcher, options);
    await broken.begun;
    await t.advance(30);
    expect(await late).toEqual(["old a"]);
    broken.end([() => 1]);
    await t.until(() => failed.length > 0, "the failure");
    expect(failed.map(({ where }) => where)).toEqual(["refresh"]);
  });

  test("a value that cannot be carried rejects the caller, and leaves no lease; the others are stored", async (t) => {
    const cache = t.cache();
    const answer = async (): Promise<unknown[]> => [1, { f: () => 1 }, 3];
    await expect(cache.getOrSetMany(["a", "b", "c"], answer, 60)).rejects.toMatchObject({
      code: "UNSERIALIZABLE_VALUE",
    });
    expect(await cache.getMany(["a", "b", "c"])).toEqual([1, null, 3]);
    expect((await cache.explain("b")).leased).toBe(false);
  });

  test("one call is one fetch, told by the first of its keys", async (t) => {
    const cache = t.cache();
    const [started, ended] = [listen(cache, "fetch:start"), listen(cache, "fetch:end")];
    const stored = listen(cache, "fill:stored");
    await cache.getOrSetMany(["a", "b"], async () => [1, 2], 60);
    expect(started).toEqual([{ key: "a", background: false }]);
    expect(ended.length).toBe(1);
    expect(stored.map(({ key }) => key).sort()).toEqual(["a", "b"]);
    expect((await cache.getStats()).fetches).toBe(1);
  });

  test("closing the cache aborts the signal of a batch", async (t) => {
    const cache = t.cache();
    const begun = deferred<AbortSignal>();
    const call = cache.getOrSetMany(["a"], (_, { signal }) => {
      begun.resolve(signal);
      return new Promise<number[]>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    });
    const outcome = call.then(
      () => "resolved",
      () => "rejected",
    );
    const signal = await begun.promise;
    await cache.close();
    expect(signal.aborted).toBe(true);
    expect(await outcome).toBe("rejected");
  });
};
