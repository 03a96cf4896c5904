import { type Chapter, listen, SLACK, slowFetcher } from "./suite.ts";

/** TTLs, stale windows, jitter, early refresh, timeouts, fail-safe. */
export const timing: Chapter = ({ expect }, test) => {
  test("a TTL is a number of seconds or a text, everywhere the same", async (t) => {
    const cache = t.cache();
    const ttls = [
      [7, 7],
      [0.5, 0.5],
      ["2500ms", 2.5],
      ["30s", 30],
      ["5m", 300],
      ["1h", 3_600],
      ["7d", 604_800],
      ["1.5h", 5_400],
    ] as const;
    for (const [given, seconds] of ttls) {
      await cache.set("a", 1, given);
      await cache.set("b", 1, { ttl: given });
      await cache.getOrSet(`c${seconds}`, () => 1, given);
      await cache.getOrSet(`d${seconds}`, () => 1, { ttl: given });
      for (const key of ["a", "b", `c${seconds}`, `d${seconds}`]) {
        const { ttl } = (await cache.lookup(key))!;
        expect(ttl).toBeLessThanOrEqual(seconds + SLACK);
        expect(ttl).toBeGreaterThan(Math.max(0, seconds - 1));
      }
    }
  });

  test("without a TTL an entry lives five minutes, or what the instance says", async (t) => {
    const cache = t.cache();
    await cache.set("k", 1);
    expect(Math.round((await cache.lookup("k"))!.ttl / 10)).toBe(30);
    const other = t.cache({ defaults: { ttl: "1h", staleTtl: "1h" } });
    await other.set("k", 1, { ttl: undefined });
    expect(Math.round((await other.lookup("k"))!.expiresIn / 100)).toBe(72);
  });

  test("an entry is gone after its TTL", async (t) => {
    const cache = t.cache();
    await cache.set("k", 1, "40ms");
    await t.pass(cache, "k", 60);
    expect(await cache.get("k")).toBe(null);
    expect(await cache.getMany(["k"])).toEqual([null]);
    expect(await cache.exists("k")).toBe(false);
    expect(await cache.lookup("k")).toBe(undefined);
    expect(await cache.del("k")).toBe(0);
    expect(await cache.getOrSet("k", () => 2, 60)).toBe(2);
  });

  test("a stale entry is a miss for get, getMany and exists, and stale for lookup", async (t) => {
    const cache = t.cache();
    await cache.set("k", 1, { ttl: "40ms", staleTtl: 60 });
    await t.pass(cache, "k", 60);
    expect(await cache.get("k")).toBe(null);
    expect(await cache.getMany(["k"])).toEqual([null]);
    expect(await cache.exists("k")).toBe(false);
    expect(await cache.lookup("k")).toMatchObject({ value: 1, state: "stale", ttl: 0 });
    expect(await cache.del("k")).toBe(1);
  });

  test("getWithStale: fresh, then stale at once with one refresh behind it, then the new value", async (t) => {
    const cache = t.cache();
    const slow = slowFetcher<string>();
    expect(await cache.getWithStale("k", () => "one", "40ms", 60)).toBe("one");
    await t.pass(cache, "k", 60);
    const during = await Promise.all([1, 2, 3].map(() => cache.getWithStale("k", slow.fetcher, 60, 120)));
    expect(during).toEqual(["one", "one", "one"]);
    await slow.begun;
    // The refresh runs; nobody waits for it.
    expect(await cache.getWithStale("k", slow.fetcher, 60, 120)).toBe("one");
    slow.end("two");
    await t.until(async () => (await cache.get("k")) === "two", "the refreshed value");
    expect(await cache.getWithStale("k", slow.fetcher, 60, 120)).toBe("two");
    expect(slow.calls).toBe(1);
  });

  test("getWithStale counts both TTLs from the write and fetches when the second has passed", async (t) => {
    const cache = t.cache();
    await cache.getWithStale("k", () => "one", 60, 100);
    const found = (await cache.lookup("k"))!;
    expect(Math.round(found.ttl)).toBe(60);
    expect(Math.round(found.expiresIn)).toBe(100);
    await cache.getWithStale("gone", () => "one", "20ms", "40ms");
    await t.pass(cache, "gone", 60);
    expect(await cache.getWithStale("gone", () => "two", 60, 100)).toBe("two");
    await expect(cache.getWithStale("k", () => 1, 10, 5)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("a failed background refresh leaves the stale value and is reported", async (t) => {
    const cache = t.cache();
    const errors = listen(cache, "background:error");
    await cache.set("k", "old", { ttl: "20ms", staleTtl: 60 });
    await t.pass(cache, "k", 40);
    const fail = (): never => {
      throw new Error("source down");
    };
    expect(await cache.getOrSet("k", fail, { ttl: 60, staleTtl: 60 })).toBe("old");
    await t.until(() => errors.length === 1, "the error event");
    expect(await cache.getOrSet("k", fail, { ttl: 60, staleTtl: 60 })).toBe("old");
    expect(errors[0]).toMatchObject({ where: "refresh" });
  });

  test("jitter shortens the TTL by a random share of at most itself", async (t) => {
    for (const [random, expected] of [
      [0, 100],
      [0.5, 75],
      [0.999_999, 50],
    ] as const) {
      const cache = t.cache({ random: () => random, defaults: { jitter: 0.5 } });
      await cache.set("set", 1, 100);
      await cache.getOrSet(`fill${random}`, () => 1, 100);
      for (const key of ["set", `fill${random}`]) {
        const { ttl } = (await cache.lookup(key))!;
        expect(ttl).toBeLessThanOrEqual(expected + SLACK);
        expect(ttl).toBeGreaterThan(expected - 2);
      }
    }
  });

  test("early refresh: chance decides, the reader gets the fresh value at once, the next is fetched once", async (t) => {
    let chance = 0;
    const cache = t.cache({ random: () => chance });
    await cache.getOrSet("k", () => "one", 5);
    const slow = slowFetcher<string>();
    const options = { ttl: 5, earlyRefresh: 100 } as const;
    expect(await cache.getOrSet("k", slow.fetcher, options)).toBe("one");
    expect(slow.calls).toBe(0);
    // Cost 1 ms x 100 x -ln(2^-53) < 5 s; a certain draw needs all of double precision, so the TTL is short.
    chance = 1 - Number.EPSILON / 2;
    await cache.set("k", "one", "3s");
    expect(await cache.getOrSet("k", slow.fetcher, options)).toBe("one");
    await slow.begun;
    expect(await cache.getOrSet("k", slow.fetcher, options)).toBe("one");
    slow.end("two");
    await t.until(async () => (await cache.get("k")) === "two", "the early refreshed value");
    expect(slow.calls).toBe(1);
  });

  test("hard timeout: the caller is told, the signal aborts, nothing is stored", async (t) => {
    const cache = t.cache();
    let signal: AbortSignal | undefined;
    const slow = slowFetcher<string>();
    const call = cache.getOrSet(
      "k",
      (context) => {
        signal = context.signal;
        return slow.fetcher();
      },
      { ttl: 60, hardTimeout: "30ms" },
    );
    const outcome = call.catch((error: unknown) => error);
    await slow.begun;
    await t.advance(50);
    expect(await outcome).toMatchObject({ code: "FETCH_TIMEOUT", key: "k", timeoutMs: 30 });
    expect(signal?.aborted).toBe(true);
    slow.end("late");
    expect(await cache.getOrSet("k", () => "new", 60)).toBe("new");
  });

  test("hard timeout: it bounds the wait for somebody else's fetch, too", async (t) => {
    const cache = t.cache();
    const other = t.cache();
    // Taken and forgotten: nobody fills it.
    const forgotten = await other.lease("k");
    const outcome = cache
      .getOrSet("k", () => "value", { ttl: 60, hardTimeout: "60ms" })
      .catch((error: unknown) => error);
    await t.advance(120);
    expect(await outcome).toMatchObject({ code: "FETCH_TIMEOUT", key: "k", timeoutMs: 60 });
    await forgotten.release();
    await t.until(async () => (await cache.getOrSet("k", () => "value", 60)) === "value", "the key is free");
  });

  test("soft timeout: the old value is served and the fetcher goes on", async (t) => {
    const cache = t.cache();
    const options = { ttl: "20ms", failSafeTtl: 60, softTimeout: "30ms" } as const;
    await cache.getOrSet("k", () => "old", options);
    await t.pass(cache, "k", 40);
    const slow = slowFetcher<string>();
    const call = cache.getOrSet("k", slow.fetcher, { ...options, ttl: 60 });
    await slow.begun;
    const joined = cache.getOrSet("k", slow.fetcher, { ...options, ttl: 60 });
    await t.advance(60);
    expect(await call).toBe("old");
    expect(await joined).toBe("old");
    slow.end("new");
    await t.until(async () => (await cache.get("k")) === "new", "the value of the slow fetcher");
    expect(slow.calls).toBe(1);
  });

  test("soft timeout without an old value waits for the fetcher", async (t) => {
    const cache = t.cache();
    const slow = slowFetcher<string>();
    const call = cache.getOrSet("k", slow.fetcher, { ttl: 60, softTimeout: "10ms" });
    await slow.begun;
    await t.advance(30);
    slow.end("value");
    expect(await call).toBe("value");
  });

  test("fail-safe: a failing source is answered with the old value, and left alone for the throttle time", async (t) => {
    const cache = t.cache();
    const options = { ttl: "20ms", failSafeTtl: 60, failSafeThrottle: "400ms" } as const;
    await cache.getOrSet("k", () => "old", options);
    await t.pass(cache, "k", 40);
    const slow = slowFetcher<string>();
    const first = cache.getOrSet("k", slow.fetcher, options);
    await slow.begun;
    const joined = cache.getOrSet("k", slow.fetcher, options);
    slow.fail(new Error("source down"));
    expect(await first).toBe("old");
    expect(await joined).toBe("old");
    let calls = 0;
    const again = (): string => {
      calls++;
      return "new";
    };
    expect(await cache.getOrSet("k", again, options)).toBe("old");
    expect(calls).toBe(0);
    expect(await cache.get("k")).toBe(null);
    await t.advance(500);
    expect(await cache.getOrSet("k", again, options)).toBe("new");
    expect(calls).toBe(1);
  });

  test("fail-safe keeps a value for failures only: a working source is asked", async (t) => {
    const cache = t.cache();
    const options = { ttl: "20ms", failSafeTtl: 60 } as const;
    await cache.getOrSet("k", () => "old", options);
    await t.pass(cache, "k", 40);
    expect(await cache.getOrSet("k", () => "new", options)).toBe("new");
    await expect(
      cache.getOrSet("none", () => Promise.reject(new Error("source down")), options),
    ).rejects.toMatchObject({ message: "source down" });
  });
};
