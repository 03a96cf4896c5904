import { type Chapter, deferred, expect, sleep } from "./suite.ts";

/** The interface that the specification promises. */
export const specified: Chapter = (test) => {
  test("warmAll stores what the fetchers return, Dates included, and tells how it went", async (t) => {
    const made = new Date(0);
    t.warmer.register({ key: "a", fetcher: async () => ({ made }), ttl: 300, priority: 9, category: "x" });
    t.warmer.registerBatch([
      { key: "b", fetcher: () => [1], ttl: "5m", priority: 8, category: "x" },
      { key: "c", fetcher: () => "c", ttl: 300, priority: 7, category: "y" },
    ]);
    const before = Date.now();
    const metrics = await t.warmer.warmAll({ parallel: true, maxParallel: 5 });
    expect(metrics).toMatchObject({ totalTasks: 3, successfulTasks: 3, failedTasks: 0, skippedTasks: 0 });
    expect(metrics.startedAt?.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(metrics.completedAt?.getTime()).toBeGreaterThanOrEqual(metrics.startedAt?.getTime() ?? 0);
    expect(metrics.totalTime).toBeGreaterThanOrEqual(0);
    expect(await t.cache.getMany(["a", "b", "c"])).toEqual([{ made }, [1], "c"]);
    expect(t.warmer.getMetrics()).toEqual(metrics);
    expect(t.warmer.getTasksByCategory()).toEqual({ x: 2, y: 1 });
    const ttl = (await t.cache.lookup("a"))?.ttl ?? 0;
    expect(ttl).toBeGreaterThan(295);
    // A process's estimate of the server's clock may be a moment behind.
    expect(ttl).toBeLessThanOrEqual(300.25);
  });

  test("a warm value is what readers get, without their fetcher", async (t) => {
    t.warmer.register({ key: "a", fetcher: () => 1, ttl: 60 });
    await t.warmer.warmAll();
    expect(await t.cache.getOrSet("a", () => 2, 60)).toBe(1);
  });

  test("highest priority first, equal ones as they were registered, one after the other without parallel", async (t) => {
    const order: string[] = [];
    let inFlight = 0;
    const task = (key: string, priority: number) => ({
      ...{ key, priority, ttl: 60 },
      fetcher: async () => {
        expect(++inFlight).toBe(1);
        order.push(key);
        await sleep(1);
        inFlight--;
        return key;
      },
    });
    t.warmer.registerBatch([task("c", 1), task("a1", 10), task("b", 5), task("a2", 10)]);
    await t.warmer.warmAll({ parallel: false, maxParallel: 4 });
    expect(order).toEqual(["a1", "a2", "b", "c"]);
  });

  test("never more than maxParallel in flight, and begun by priority", async (t) => {
    let inFlight = 0;
    let most = 0;
    const begun: number[] = [];
    // When a task is taken. Behind that, in a Cluster, one node may be quicker than the other.
    t.warmer.on("task:start", ({ key }) => begun.push(1 + (Number(key.slice(1)) % 10)));
    for (let n = 0; n < 40; n++) {
      const priority = 1 + (n % 10);
      const fetcher = async () => {
        most = Math.max(most, ++inFlight);
        await sleep(3);
        inFlight--;
        return n;
      };
      t.warmer.register({ key: `k${n}`, fetcher, ttl: 60, priority });
    }
    const metrics = await t.warmer.warmAll({ maxParallel: 4 });
    expect(most).toBe(4);
    expect(metrics.peakInFlight).toBe(4);
    expect(begun).toEqual([...begun].sort((a, b) => b - a));
  });

  test("warmCategory loads that category only", async (t) => {
    const loaded: string[] = [];
    for (const key of ["companies:1", "users:1", "companies:2"]) {
      const category = key.split(":")[0] as string;
      t.warmer.register({ key, category, ttl: 60, fetcher: () => loaded.push(key) });
    }
    const metrics = await t.warmer.warmCategory("companies", { parallel: true });
    expect(metrics).toMatchObject({ totalTasks: 2, successfulTasks: 2 });
    expect(loaded.sort()).toEqual(["companies:1", "companies:2"]);
    expect(await t.warmer.warmCategory("nobody")).toMatchObject({ totalTasks: 0 });
  });

  test("a second run loads everything again", async (t) => {
    let loads = 0;
    t.warmer.register({ key: "a", fetcher: () => ++loads, ttl: 60 });
    await t.warmer.warmAll();
    expect(await t.warmer.warmAll()).toMatchObject({ successfulTasks: 1 });
    expect(await t.cache.get("a")).toBe(2);
  });

  test("an entry that was there is replaced: what is loaded now is newer", async (t) => {
    await t.cache.set("a", "old", 60);
    await sleep(2);
    t.warmer.register({ key: "a", fetcher: () => "new", ttl: 60 });
    await t.warmer.warmAll();
    expect(await t.cache.get("a")).toBe("new");
  });

  test("a fetcher may look whether its key is there, and skip", async (t) => {
    let computed = 0;
    t.warmer.register({
      key: "expensive:computation",
      ttl: 3600,
      priority: 10,
      category: "critical",
      fetcher: async () => {
        if (await t.cache.exists("expensive:computation")) return null;
        return ++computed;
      },
    });
    expect(await t.warmer.warmAll()).toMatchObject({ successfulTasks: 1 });
    expect(await t.warmer.warmAll()).toMatchObject({ successfulTasks: 0, skippedTasks: 1, failedTasks: 0 });
    expect(await t.cache.get("expensive:computation")).toBe(1);
  });

  test("warmExpiringSoon loads what expires within the time, and nothing else", async (t) => {
    const loads: Record<string, number> = {};
    const task = (key: string, ttl: number) => ({
      ...{ key, ttl },
      fetcher: () => {
        loads[key] = (loads[key] ?? 0) + 1;
        return loads[key];
      },
    });
    t.warmer.registerBatch([task("soon", 30), task("later", 600), task("never", 30)]);
    // Written by somebody else, before the warmer knew of it.
    await t.cache.set("soon", 0, 30);
    await t.cache.set("later", 0, 600);
    await sleep(2);
    expect(await t.warmer.warmExpiringSoon(60)).toMatchObject({ totalTasks: 1, successfulTasks: 1 });
    expect(loads).toEqual({ soon: 1 });
    expect(await t.warmer.warmExpiringSoon(60)).toMatchObject({ totalTasks: 1, successfulTasks: 1 });
    expect(await t.cache.get("soon")).toBe(2);
    // A write elsewhere with another TTL is noticed.
    await t.cache.set("later", 0, 20);
    await t.cache.set("soon", 0, 900);
    await sleep(2);
    await t.warmer.warmExpiringSoon("1m");
    expect(loads).toEqual({ soon: 2, later: 1 });
  });

  test("getMetrics and getTasksByCategory answer at once, also before and during a run", async (t) => {
    expect(t.warmer.getTasksByCategory()).toEqual({});
    expect(t.warmer.getMetrics()).toMatchObject({ totalTasks: 0, startedAt: null, completedAt: null });
    const gate = deferred<number>();
    const begun = deferred();
    const fetcher = () => {
      begun.resolve();
      return gate.promise;
    };
    t.warmer.register({ key: "a", fetcher, ttl: 60 });
    const run = t.warmer.warmAll();
    await begun.promise;
    expect(t.warmer.getMetrics()).toMatchObject({
      totalTasks: 1,
      successfulTasks: 0,
      inFlight: 1,
      completedAt: null,
    });
    gate.resolve(1);
    await run;
    expect(t.warmer.getMetrics()).toMatchObject({ successfulTasks: 1, inFlight: 0 });
  });

  test("performStartupWarming warms, and leaves alone what is young", async (t) => {
    await t.cache.set("young", "live", 60);
    let loads = 0;
    for (const key of ["young", "missing"]) {
      t.warmer.register({ key, fetcher: () => ++loads, ttl: 60, priority: 9 });
    }
    expect(await t.warmer.performStartupWarming()).toMatchObject({
      ...{ totalTasks: 2, successfulTasks: 1, skippedTasks: 1, skips: { warm: 1 } },
    });
    expect(await t.cache.getMany(["young", "missing"])).toEqual(["live", 1]);
  });

  test("background warming can be started and stopped", async (t) => {
    let loads = 0;
    const loaded = deferred();
    const fetcher = () => {
      if (++loads === 2) loaded.resolve();
      return loads;
    };
    t.warmer.register({ key: "a", fetcher, ttl: 60 });
    t.warmer.startBackgroundWarming(0.001);
    await loaded.promise;
    await t.warmer.stopBackgroundWarming();
    const then = loads;
    await sleep(150);
    expect(loads).toBe(then);
  });
};

/** One outcome for each thing that can go wrong with a task, and the run goes on. */
export const outcomes: Chapter = (test) => {
  test("tasks that throw, hang, return null, cannot be encoded or come twice: an outcome each", async (t) => {
    const replaced: string[] = [];
    t.warmer.on("task:replaced", ({ key }) => replaced.push(key));
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const ended = new Map<string, string>();
    t.warmer.on("task:end", ({ key, outcome, reason }) =>
      ended.set(key, `${outcome} ${reason ?? ""}`.trim()),
    );
    t.warmer.registerBatch([
      { key: "throws", ttl: 60, fetcher: () => Promise.reject(new Error("no database")) },
      {
        ...{ key: "throws:at:once", ttl: 60 },
        fetcher: () => {
          throw new Error("no database");
        },
      },
      { key: "hangs", ttl: 60, timeout: "30ms", fetcher: () => new Promise(() => {}) },
      { key: "null", ttl: 60, fetcher: () => null },
      { key: "undefined", ttl: 60, fetcher: () => undefined },
      { key: "circular", ttl: 60, fetcher: () => circular },
      { key: "function", ttl: 60, fetcher: () => ({ f: () => 1 }) },
      { key: "twice", ttl: 60, fetcher: () => "first" },
      { key: "good", ttl: 60, priority: 1, fetcher: () => "good" },
    ]);
    expect(t.warmer.register({ key: "twice", ttl: 60, fetcher: () => "second" })).toBe("replaced");
    const metrics = await t.warmer.warmAll({ retries: 1, maxParallel: 2 });
    expect(Object.fromEntries(ended)).toEqual({
      throws: "failed error",
      "throws:at:once": "failed error",
      hangs: "failed timeout",
      null: "skipped empty",
      undefined: "skipped empty",
      circular: "failed unserializable",
      function: "failed unserializable",
      twice: "success",
      good: "success",
    });
    expect(metrics).toMatchObject({ totalTasks: 9, successfulTasks: 2, failedTasks: 5, skippedTasks: 2 });
    expect(metrics.skips).toEqual({ empty: 2 });
    expect(metrics.retries).toBe(3);
    const failures = Object.fromEntries(metrics.failures.map((each) => [each.key, each]));
    expect(failures.throws).toMatchObject({ reason: "error", attempts: 2, category: "default" });
    expect(failures.throws?.error).toMatchObject({ message: "no database" });
    expect(failures.hangs?.error).toMatchObject({ code: "FETCH_TIMEOUT" });
    expect(failures.circular).toMatchObject({ attempts: 1, error: { code: "UNSERIALIZABLE_VALUE" } });
    expect(replaced).toEqual(["twice"]);
    expect(await t.cache.getMany(["twice", "good", "throws", "null"])).toEqual([
      "second",
      "good",
      null,
      null,
    ]);
    expect(t.warmer.getTasksByCategory()).toEqual({ default: 9 });
  });

  test("a task that is registered anew is loaded anew, whatever became of the former", async (t) => {
    const fails = () => Promise.reject(new Error("a bug"));
    t.warmer.registerBatch([
      { key: "a", ttl: 60, fetcher: () => "old" },
      { key: "b", ttl: 60, retries: 0, fetcher: fails },
      { key: "c", ttl: 60, fetcher: () => "old" },
    ]);
    await t.warmer.warmAll();
    t.warmer.unregister("c");
    t.warmer.registerBatch(["a", "b", "c"].map((key) => ({ key, ttl: 60, fetcher: () => "new" })));
    expect(await t.warmer.warmAll()).toMatchObject({ successfulTasks: 3, skips: {} });
    expect(await t.cache.getMany(["a", "b", "c"])).toEqual(["new", "new", "new"]);
  });

  test("a task that is registered anew while it is loaded is loaded anew by the next run", async (t) => {
    const register = (value: string) => t.warmer.register({ key: "a", ttl: 60, fetcher: () => value });
    t.warmer.register({
      ...{ key: "a", ttl: 60 },
      async fetcher() {
        register("newer");
        register("newest");
        return "old";
      },
    });
    await t.warmer.warmAll();
    expect(await t.cache.get("a")).toBe("old");
    expect(await t.warmer.warmAll()).toMatchObject({ successfulTasks: 1, skips: {} });
    expect(await t.cache.get("a")).toBe("newest");
  });

  test("a failed load is tried again, later each time", async (t) => {
    let tries = 0;
    const delays: number[] = [];
    t.warmer.on("task:retry", ({ delayMs }) => delays.push(delayMs));
    const fetcher = () => {
      if (++tries < 4) throw new Error("not yet");
      return tries;
    };
    t.warmer.register({ key: "a", fetcher, ttl: 60, retries: 3 });
    expect(await t.warmer.warmAll()).toMatchObject({ successfulTasks: 1, retries: 3, failedTasks: 0 });
    expect(delays.length).toBe(3);
    // 5 ms, doubled each time, less a random half.
    delays.forEach((delay, nth) => {
      expect(delay).toBeGreaterThanOrEqual(2.5 * 2 ** nth);
      expect(delay).toBeLessThanOrEqual(5 * 2 ** nth);
    });
  });

  test("the signal of a fetcher aborts at the timeout", async (t) => {
    const aborted = deferred<unknown>();
    t.warmer.register({
      ...{ key: "a", ttl: 60, timeout: "20ms", retries: 0 },
      fetcher: ({ signal }) =>
        new Promise(() => signal.addEventListener("abort", () => aborted.resolve(signal.reason))),
    });
    await t.warmer.warmAll();
    expect(await aborted.promise).toMatchObject({ code: "FETCH_TIMEOUT" });
  });

  test("an aborted run rejects with the reason, aborts its fetchers, and gives back what it took", async (t) => {
    const controller = new AbortController();
    const reason = new Error("deploying");
    const begun = deferred();
    let seen: unknown;
    t.warmer.registerBatch([
      {
        ...{ key: "slow", ttl: 60, priority: 9 },
        fetcher: ({ signal }) => {
          signal.addEventListener("abort", () => {
            seen = signal.reason;
          });
          begun.resolve();
          return new Promise(() => {});
        },
      },
      { key: "next", ttl: 60, fetcher: () => 1 },
    ]);
    const run = t.warmer.warmAll({ parallel: false, signal: controller.signal, timeout: "500ms" });
    await begun.promise;
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(seen).toBe(reason);
    expect(t.warmer.getMetrics()).toMatchObject({ aborted: true, skips: { aborted: 2 } });
    const other = t.instance();
    other.warmer.register({ key: "next", ttl: 60, fetcher: () => 2 });
    expect(await other.warmer.warmAll()).toMatchObject({ successfulTasks: 1 });
    const late = new AbortController();
    late.abort(reason);
    await expect(t.warmer.warmAll({ signal: late.signal })).rejects.toBe(reason);
  });

  test("stopping the background ends its run and nothing else; closing ends all", async (t) => {
    const begun = deferred();
    const fetcher = () => {
      begun.resolve();
      return new Promise(() => {});
    };
    t.warmer.register({ key: "a", fetcher, ttl: 60, timeout: "10s" });
    t.warmer.startBackgroundWarming(0.0001);
    await begun.promise;
    await t.warmer.stopBackgroundWarming();
    expect(t.warmer.getMetrics()).toMatchObject({ aborted: true });
    const other = t.instance();
    other.warmer.register({ key: "b", fetcher: () => new Promise(() => {}), ttl: 60 });
    const run = other.warmer.warmAll();
    await other.warmer.close();
    await expect(run).rejects.toMatchObject({ code: "WARMER_CLOSED" });
    await expect(other.warmer.warmAll()).rejects.toMatchObject({ code: "WARMER_CLOSED" });
  });
};

/** Tasks that wait for tasks. */
export const dependencies: Chapter = (test) => {
  test("a task begins when those it depends on have ended, and lends them its priority", async (t) => {
    const order: string[] = [];
    const task = (key: string, priority: number, dependsOn?: string[]) => ({
      ...{ key, priority, dependsOn, ttl: 60 },
      fetcher: async () => {
        await sleep(2);
        order.push(key);
        return key;
      },
    });
    t.warmer.registerBatch([
      task("mid", 5),
      task("top", 10, ["base"]),
      task("base", 1, ["root"]),
      task("root", 1),
      task("low", 2, ["elsewhere"]),
    ]);
    await t.warmer.warmAll({ parallel: false });
    expect(order).toEqual(["root", "base", "top", "mid", "low"]);
  });

  test("what depends on a failed task is not tried", async (t) => {
    const tried: string[] = [];
    t.warmer.registerBatch([
      { key: "a", ttl: 60, retries: 0, fetcher: () => Promise.reject(new Error("x")) },
      { key: "b", ttl: 60, dependsOn: ["a"], fetcher: () => void tried.push("b") },
      { key: "c", ttl: 60, dependsOn: ["b"], fetcher: () => void tried.push("c") },
      { key: "d", ttl: 60, fetcher: () => 1 },
    ]);
    const metrics = await t.warmer.warmAll();
    expect(tried).toEqual([]);
    expect(metrics).toMatchObject({ failedTasks: 3, successfulTasks: 1 });
    expect(metrics.failures.map(({ key, reason }) => `${key} ${reason}`)).toEqual([
      "a error",
      "b dependency",
      "c dependency",
    ]);
  });

  test("a cycle is refused, and nothing of the batch is registered", async (t) => {
    const fetcher = () => 1;
    t.warmer.register({ key: "a", fetcher, dependsOn: ["b"] });
    expect(() =>
      t.warmer.registerBatch([
        { key: "x", fetcher },
        { key: "b", fetcher, dependsOn: ["c"] },
        { key: "c", fetcher, dependsOn: ["a"] },
      ]),
    ).toThrow(expect.objectContaining({ code: "DEPENDENCY_CYCLE", cycle: ["b", "c", "a", "b"] }));
    expect(() => t.warmer.register({ key: "s", fetcher, dependsOn: ["s"] })).toThrow("cycle");
    expect(t.warmer.getTasksByCategory()).toEqual({ default: 1 });
  });
};

/** Many keys under one registration. */
export const families: Chapter = (test) => {
  test("one registration and one query a batch", async (t) => {
    const asked: number[] = [];
    t.warmer.registerFamily({
      name: "lists",
      category: "companies",
      ttl: 60,
      batchSize: 50,
      async *keys() {
        for (let n = 0; n < 220; n++) yield `companies:list:${n}`;
      },
      batchFetcher: async (keys) => {
        asked.push(keys.length);
        return keys.map((key) => ({ key }));
      },
    });
    expect(t.warmer.getTasksByCategory()).toEqual({ companies: 1 });
    const metrics = await t.warmer.warmAll();
    expect(asked).toEqual([50, 50, 50, 50, 20]);
    expect(metrics).toMatchObject({ totalTasks: 1, successfulTasks: 1, keysWarmed: 220 });
    expect(metrics.bytesWarmed).toBeGreaterThan(220 * 20);
    expect(await t.cache.get("companies:list:219")).toEqual({ key: "companies:list:219" });
  });

  test("a batch that fails is tried again, and does not take the others with it", async (t) => {
    let failed = 0;
    t.warmer.registerFamily({
      name: "f",
      ttl: 60,
      batchSize: 2,
      retries: 1,
      keys: () => ["a", "b", "bad", "c", "d", "e"],
      batchFetcher: async (keys) => {
        if (keys.includes("bad")) {
          failed++;
          throw new Error("bad row");
        }
        return new Map(keys.map((key) => [key, key === "d" ? null : key]));
      },
    });
    const metrics = await t.warmer.warmAll();
    expect(failed).toBe(2);
    expect(metrics).toMatchObject({ failedTasks: 1, retries: 1 });
    expect(metrics.failures[0]?.error).toMatchObject({ message: "bad row" });
    expect(await t.cache.getMany(["a", "b", "bad", "c", "d", "e"])).toEqual([
      "a",
      "b",
      null,
      null,
      null,
      "e",
    ]);
  });

  test("what a family stored is counted, also when some of it has failed", async (t) => {
    t.warmer.registerFamily({
      name: "f",
      ttl: 60,
      retries: 0,
      batchSize: 3,
      keys: async () => ["a", "", "b", "bad", "c", 5 as never, "d"],
      batchFetcher: async (keys) => keys.map((key) => (key === "bad" ? Symbol("no") : key)),
    });
    const metrics = await t.warmer.warmAll();
    expect(metrics).toMatchObject({ failedTasks: 1, keysWarmed: 4, bytesWarmed: 12 });
    expect(metrics.failures[0]?.error).toMatchObject({ code: "INVALID_KEY" });
    expect(await t.cache.getMany(["a", "b", "bad", "c", "d"])).toEqual(["a", "b", null, "c", "d"]);
  });

  test("a list of keys that breaks off is asked for again; what is no list says so", async (t) => {
    let lists = 0;
    const asked: string[] = [];
    t.warmer.registerFamily({
      ...{ name: "f", ttl: 60, retries: 1, batchSize: 1 },
      async *keys() {
        // What is made in the millisecond in which the task began does not count as made since.
        await sleep(2);
        yield "a";
        if (++lists === 1) throw new Error("cursor lost");
        yield "b";
      },
      batchFetcher: async (keys) => {
        asked.push(...keys);
        return [...keys];
      },
    });
    t.warmer.registerFamily({
      ...{ name: "text", retries: 0 },
      keys: () => "abc",
      batchFetcher: async (keys) => [...keys],
    });
    const metrics = await t.warmer.warmAll();
    expect(metrics).toMatchObject({ successfulTasks: 1, failedTasks: 1, keysWarmed: 2, retries: 1 });
    expect(asked).toEqual(["a", "b"]);
    expect(metrics.failures[0]?.error).toMatchObject({ code: "INVALID_FETCHER", parameter: "keys" });
  });

  test("a list of keys whose iterator is none says so", async (t) => {
    t.warmer.registerFamily({
      ...{ name: "f", ttl: 60, retries: 0 },
      keys: () => ({ [Symbol.asyncIterator]: () => ({ next: () => 5 }) }) as never,
      batchFetcher: async (keys) => [...keys],
    });
    const metrics = await t.warmer.warmAll();
    expect(metrics.failures[0]?.error).toMatchObject({ code: "INVALID_FETCHER", parameter: "keys" });
  });

  test("a family without an end can be aborted, and keeps nobody waiting: also one of what cannot be a key", async (t) => {
    for (const name of ["k", "\u0001"]) {
      t.warmer.registerFamily({
        ...{ name: "f", ttl: 60 },
        *keys() {
          for (let n = 0; ; n++) yield `${name}${n}`;
        },
        batchFetcher: async (keys) => [...keys],
      });
      const controller = new AbortController();
      const run = t.warmer.warmAll({ signal: controller.signal });
      setTimeout(() => controller.abort(new Error("enough")), 50);
      await expect(run).rejects.toThrow("enough");
    }
  });

  test("keys that never come, and keys that cannot be, end the family and not the run", async (t) => {
    t.warmer.registerFamily({
      ...{ name: "hanging", ttl: 60, timeout: "20ms", retries: 0 },
      async *keys() {
        yield "a";
        await new Promise(() => {});
      },
      batchFetcher: async (keys) => [...keys],
    });
    t.warmer.registerFamily({
      ...{ name: "control", ttl: 60, retries: 0 },
      keys: () => ["fine", "\u0001"],
      batchFetcher: async (keys) => [...keys],
    });
    t.warmer.register({ key: "good", fetcher: () => 1, ttl: 60 });
    const metrics = await t.warmer.warmAll();
    expect(metrics).toMatchObject({ totalTasks: 3, successfulTasks: 1, failedTasks: 2 });
    expect(metrics.failures.map(({ key, reason }) => `${key} ${reason}`).sort()).toEqual([
      "control error",
      "hanging timeout",
    ]);
  });

  test("a key that a family lists no more, or of which its source knows no more, is not loaded again", async (t) => {
    let listed = ["a", "b", "c"];
    let asked: string[] = [];
    const family = {
      ...{ name: "f", ttl: 30, keys: () => listed },
      batchFetcher: async (keys: readonly string[]) => {
        asked.push(...keys);
        return keys.map((key) => (key === "c" && listed.length === 2 ? null : key));
      },
    };
    const expiring = async (): Promise<string[]> => {
      asked = [];
      await sleep(2);
      await t.warmer.warmExpiringSoon(60);
      return asked.sort();
    };
    t.warmer.registerFamily(family);
    await t.warmer.warmAll();
    expect(await expiring()).toEqual(["a", "b", "c"]);
    listed = ["b", "c"];
    await sleep(2);
    await t.warmer.warmAll();
    expect(await expiring()).toEqual(["b"]);
    t.warmer.unregister("f");
    t.warmer.registerFamily(family);
    expect(await expiring()).toEqual([]);
  });

  test("keys that are about to expire are loaded again, only those", async (t) => {
    const asked: string[][] = [];
    t.warmer.registerFamily({
      name: "f",
      ttl: 30,
      keys: () => ["a", "b", "c"],
      batchFetcher: async (keys) => {
        asked.push([...keys].sort());
        return keys.map(() => 1);
      },
    });
    await t.warmer.warmAll();
    await sleep(2);
    await t.warmer.warmExpiringSoon(10);
    expect(asked).toEqual([["a", "b", "c"]]);
    await t.warmer.warmExpiringSoon(60);
    expect(asked).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
  });
};
