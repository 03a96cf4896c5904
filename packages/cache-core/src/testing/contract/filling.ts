import { type Chapter, deferred, SLACK, slowFetcher } from "./suite.ts";

/** getOrSet: one fetch a key, what is stored and what is not. */
export const filling: Chapter = ({ expect }, test) => {
  test("a miss fetches and stores, a hit does not fetch", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    let calls = 0;
    const fetcher = async (): Promise<{ n: number }> => ({ n: ++calls });
    expect(await one.getOrSet("k", fetcher, 60)).toEqual({ n: 1 });
    expect(await one.getOrSet("k", fetcher, 60)).toEqual({ n: 1 });
    expect(await two.getOrSet("k", fetcher, 60)).toEqual({ n: 1 });
    expect(await two.get("k")).toEqual({ n: 1 });
    expect(calls).toBe(1);
  });

  test("a fetcher may be synchronous, and is told its key and a signal", async (t) => {
    const cache = t.cache();
    const seen: unknown[] = [];
    const value = await cache.getOrSet("k", (context) => {
      seen.push(context.key, context.signal.aborted, context.previous);
      return 7;
    });
    expect(value).toBe(7);
    expect(seen).toEqual(["k", false, undefined]);
  });

  test("a fetcher that replaces a value is told what it was", async (t) => {
    const cache = t.cache();
    await cache.set("k", { etag: "a" }, { ttl: "20ms", staleTtl: 60 });
    await t.pass(cache, "k", 40);
    let previous: { value: unknown; ageMs: number } | undefined;
    await cache.getOrSet(
      "k",
      (context) => {
        previous = context.previous;
        return { etag: "b" };
      },
      { ttl: 60, staleTtl: 60 },
    );
    await t.until(() => previous !== undefined, "the refresh");
    expect(previous?.value).toEqual({ etag: "a" });
    expect(previous?.ageMs).toBeGreaterThan(19);
  });

  test("undefined and null are returned and not stored", async (t) => {
    const cache = t.cache();
    for (const nothing of [undefined, null]) {
      let calls = 0;
      const fetcher = (): unknown => {
        calls++;
        return nothing;
      };
      expect(await cache.getOrSet("k", fetcher, 60)).toBe(nothing);
      expect(await cache.getOrSet("k", fetcher, 60)).toBe(nothing);
      expect(calls).toBe(2);
      expect(await cache.lookup("k")).toBe(undefined);
    }
  });

  test("nullTtl stores a fetched null for that long", async (t) => {
    const cache = t.cache();
    let calls = 0;
    const fetcher = (): null => {
      calls++;
      return null;
    };
    const options = { ttl: 600, nullTtl: 30, staleTtl: 600 } as const;
    expect(await cache.getOrSet("k", fetcher, options)).toBe(null);
    expect(await cache.getOrSet("k", fetcher, options)).toBe(null);
    expect(calls).toBe(1);
    const { expiresIn, value } = (await cache.lookup("k"))!;
    expect(value).toBe(null);
    expect(expiresIn).toBeLessThanOrEqual(30 + SLACK);
    expect(await cache.del("k")).toBe(1);
  });

  test("a fetcher that throws rejects the caller with its own error and caches nothing", async (t) => {
    const cache = t.cache();
    const error = new Error("no database");
    const fetchers = [
      () => Promise.reject(error),
      () => {
        throw error;
      },
    ];
    for (const fetcher of fetchers) await expect(cache.getOrSet("k", fetcher, 60)).rejects.toBe(error);
    expect(await cache.lookup("k")).toBe(undefined);
    expect(await cache.getOrSet("k", () => 1, 60)).toBe(1);
  });

  test("a value that cannot be carried rejects the caller and caches nothing", async (t) => {
    const cache = t.cache();
    await expect(cache.getOrSet("k", () => ({ f: () => 1 }), 60)).rejects.toMatchObject({
      code: "UNSERIALIZABLE_VALUE",
    });
    expect(await cache.lookup("k")).toBe(undefined);
    expect(await cache.getOrSet("k", () => 1, 60)).toBe(1);
  });

  test("callers of one key share one fetch, in a process and across processes", async (t) => {
    const caches = [t.cache(), t.cache(), t.cache()];
    const slow = slowFetcher<{ n: number }>();
    const early = caches.flatMap((cache) =>
      Array.from({ length: 10 }, () => cache.getOrSet("k", slow.fetcher, 60)),
    );
    await slow.begun;
    const late = caches.map((cache) => cache.getOrSet("k", slow.fetcher, 60));
    await t.advance(5);
    slow.end({ n: 1 });
    for (const value of await Promise.all([...early, ...late])) expect(value).toEqual({ n: 1 });
    expect(slow.calls).toBe(1);
  });

  test("callers who shared a fetch do not share the value", async (t) => {
    const cache = t.cache();
    const slow = slowFetcher<{ list: number[] }>();
    const calls = [1, 2, 3].map(() => cache.getOrSet("k", slow.fetcher, 60));
    await slow.begun;
    slow.end({ list: [] });
    const found = await Promise.all(calls);
    try {
      found[1]!.list.push(1);
    } catch {
      // A frozen value is as good as a copy.
    }
    expect(found[2]).toEqual({ list: [] });
    expect(await cache.get("k")).toEqual({ list: [] });
  });

  test("callers share an error, and the next one tries again", async (t) => {
    const [one, two] = [t.cache(), t.cache()];
    const slow = slowFetcher<number>();
    const outcomes = [one, one, one].map((cache) =>
      cache.getOrSet("k", slow.fetcher, 60).catch((e: unknown) => e),
    );
    await slow.begun;
    const error = new Error("no database");
    slow.fail(error);
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toBe(error);
    expect(slow.calls).toBe(1);
    expect(await two.getOrSet("k", () => 1, 60)).toBe(1);
  });

  test("the fetcher may decide on TTL and tags of its value", async (t) => {
    const cache = t.cache();
    await cache.getOrSet(
      "k",
      (context) => {
        context.setTtl("1h", "2h");
        context.addTags("dynamic:1", "both");
        context.addTags("dynamic:2");
        return 1;
      },
      { ttl: 60, tags: ["static", "both"] },
    );
    const found = (await cache.lookup("k"))!;
    expect(Math.round(found.ttl)).toBe(3_600);
    expect(Math.round(found.expiresIn)).toBe(10_800);
    expect([...found.tags].sort()).toEqual(["both", "dynamic:1", "dynamic:2", "static"]);
    expect(await cache.invalidateByTag("dynamic:2")).toBe(1);
    expect(await cache.get("k")).toBe(null);
  });

  test("the fetcher may decide that its value is not stored", async (t) => {
    const cache = t.cache();
    const value = await cache.getOrSet("k", (context) => {
      context.skipStore();
      return "secret";
    });
    expect(value).toBe("secret");
    expect(await cache.lookup("k")).toBe(undefined);
  });

  test("forceRefresh fetches although a value is fresh, and stores", async (t) => {
    const cache = t.cache();
    await cache.set("k", "old", 60);
    expect(await cache.get("k")).toBe("old");
    const slow = slowFetcher<string>();
    const forced = cache.getOrSet("k", slow.fetcher, { ttl: 60, forceRefresh: true });
    await slow.begun;
    // Whoever does not insist is not made to wait.
    expect(await cache.getOrSet("k", slow.fetcher, 60)).toBe("old");
    slow.end("new");
    expect(await forced).toBe("new");
    expect(await cache.get("k")).toBe("new");
    expect(slow.calls).toBe(1);
  });

  test("a caller's signal ends its wait with the signal's reason; the fetch goes on", async (t) => {
    const cache = t.cache();
    const slow = slowFetcher<string>();
    const controller = new AbortController();
    const call = cache.getOrSet("k", slow.fetcher, { ttl: 60, signal: controller.signal });
    const other = cache.getOrSet("k", slow.fetcher, 60);
    const outcome = call.catch((error: unknown) => error);
    await slow.begun;
    const reason = new Error("request closed");
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    slow.end("value");
    expect(await other).toBe("value");
    expect(await cache.get("k")).toBe("value");
  });

  test("who has given up before the call asks neither the store nor the source", async (t) => {
    const cache = t.cache();
    await cache.set("there", 1, 60);
    const reason = new Error("request closed");
    const options = { signal: AbortSignal.abort(reason) };
    let fetches = 0;
    const fetcher = (): number => ++fetches;
    for (const key of ["there", "missing"]) {
      await expect(cache.getOrSet(key, fetcher, options)).rejects.toBe(reason);
      await expect(cache.getOrSetMany([key], async () => [fetcher()], options)).rejects.toBe(reason);
    }
    await t.advance(5);
    expect(fetches).toBe(0);
    expect(await cache.exists("missing")).toBe(false);
    const { hits, misses } = await cache.getStats();
    expect([hits, misses]).toEqual([0, 0]);
  });

  test("schema: a stored value that does not fit is fetched anew, also when nobody removes it", async (t) => {
    const [old, cache] = [t.cache(), t.cache()];
    await old.set("k", { version: 1 }, 60);
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "contract",
        validate: (value: unknown) =>
          (value as { version?: number } | null)?.version === 2
            ? { value: value as { version: number } }
            : { issues: [{ message: "expected version 2" }] },
      },
    };
    const rejected: unknown[] = [];
    cache.on("entry:rejected", (event) => rejected.push(event.reason));
    expect(await cache.get("k", { schema })).toBe(null);
    expect(await cache.getMany(["k"], { schema })).toEqual([null]);
    expect(await cache.lookup("k", { schema })).toBe(undefined);
    expect(new Set(rejected)).toEqual(new Set(["schema"]));
    let calls = 0;
    const fetcher = (): { version: number } => {
      calls++;
      return { version: 2 };
    };
    expect(await cache.getOrSet("k", fetcher, { ttl: 60, schema })).toEqual({ version: 2 });
    expect(await cache.getOrSet("k", fetcher, { ttl: 60, schema })).toEqual({ version: 2 });
    expect(calls).toBe(1);
    expect(await cache.get("k", { schema })).toEqual({ version: 2 });
    // A value in process is checked as one in the store is.
    await cache.getOrSet("k1", () => ({ version: 1 }), 60);
    expect(await cache.get("k1", { schema })).toBe(null);
    expect(await cache.getMany(["k1"], { schema })).toEqual([null]);
    expect(await cache.getOrSetMany(["k1"], async () => [{ version: 2 }], { ttl: 60, schema })).toEqual([
      { version: 2 },
    ]);
  });

  test("the output of the schema is what the caller gets; what is stored stays as it is", async (t) => {
    const cache = t.cache();
    await cache.set("k", { n: "5" }, 60);
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) => ({ value: { n: Number((value as { n: string }).n), kind: "default" } }),
      },
    };
    const output = { n: 5, kind: "default" };
    // Twice: from the store, and from the in-process tier where there is one.
    for (let i = 0; i < 2; i++) {
      expect(await cache.get("k", { schema })).toEqual(output);
      expect(await cache.getMany(["k"], { schema })).toEqual([output]);
      expect((await cache.lookup("k", { schema }))?.value).toEqual(output);
      expect(await cache.getOrSet("k", () => output, { ttl: 60, schema })).toEqual(output);
      expect(await cache.getOrSetMany(["k"], async () => [output], { ttl: 60, schema })).toEqual([output]);
      expect(await cache.get("k")).toEqual({ n: "5" });
    }
  });

  test("a fetcher that reads its own key is refused; it would wait for itself", async (t) => {
    const cache = t.cache();
    const code = "FETCH_CYCLE";
    const inner = (): Promise<number> => cache.getOrSet("k", () => 1, 60);
    await expect(cache.getOrSet("k", inner, 60)).rejects.toMatchObject({ code, key: "k" });
    await expect(cache.getOrSetMany(["j", "k"], async () => [0, await inner()], 60)).rejects.toMatchObject({
      code,
    });
    // Another key, a scope's key of that name, and its own key once the fetch has ended are no cycle.
    expect(await cache.getOrSet("k", () => cache.getOrSet("j", () => 2, 60), 60)).toBe(2);
    await cache.del("k");
    expect(await cache.getOrSet("k", () => cache.scope("s").getOrSet("k", () => 3, 60), 60)).toBe(3);
    await cache.del("k");
    const later = deferred<unknown>();
    const gate = deferred();
    await cache.getOrSet(
      "k",
      () => {
        void gate.promise.then(() => cache.getOrSet("k", () => 4, 60)).then(later.resolve, later.resolve);
        return 0;
      },
      60,
    );
    await cache.del("k");
    gate.resolve();
    expect(await later.promise).toBe(4);
  });
};
