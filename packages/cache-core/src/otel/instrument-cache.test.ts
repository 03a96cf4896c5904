import { setImmediate } from "node:timers/promises";
import type { Span, Tracer } from "@opentelemetry/api";
import { DataPointType, MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, it } from "vitest";
import type { Cache } from "../cache.ts";
import { createCache } from "../create-cache.ts";
import { memoryStore } from "../memory-store.ts";
import { instrumentCache, keyTemplates } from "./index.ts";
import type { LockEventSource } from "./sources.ts";

class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

interface Sdk {
  readonly meter: ReturnType<MeterProvider["getMeter"]>;
  /** Value by `name{attribute values}`, without the namespace; the count of a histogram. */
  read(): Promise<Record<string, number>>;
  /** As Prometheus counts: each bucket is a series, and so are sum and count. */
  series(): Promise<number>;
  close(): Promise<void>;
}

function startSdk(): Sdk {
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  const collect = async (): Promise<ResourceMetrics> => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    return resourceMetrics;
  };
  const all = async () =>
    (await collect()).scopeMetrics.flatMap((scope) =>
      scope.metrics.flatMap((metric) =>
        metric.dataPoints.map((point) => ({
          name: metric.descriptor.name,
          attributes: point.attributes,
          value: metric.dataPointType === DataPointType.HISTOGRAM ? undefined : (point.value as number),
          histogram:
            metric.dataPointType === DataPointType.HISTOGRAM
              ? (point.value as { count: number; buckets: { boundaries: number[] } })
              : undefined,
        })),
      ),
    );
  return {
    meter: provider.getMeter("test"),
    read: async () =>
      Object.fromEntries(
        (await all()).map(({ name, attributes, value, histogram }) => {
          const labels = Object.entries(attributes)
            .filter(([key]) => key !== "crm.cache.namespace")
            .map(([, label]) => label);
          const key = name.replace("crm.cache.", "") + (labels.length > 0 ? `{${labels.join(",")}}` : "");
          return [key, histogram?.count ?? value ?? Number.NaN];
        }),
      ),
    series: async () =>
      (await all()).reduce(
        (sum, { histogram }) => sum + (histogram ? histogram.buckets.boundaries.length + 3 : 1),
        0,
      ),
    close: () => provider.shutdown(),
  };
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp(options: { memory?: boolean; namespace?: string } = {}): { cache: Cache; sdk: Sdk } {
  const cache = createCache({ store: memoryStore(), ...options });
  const sdk = startSdk();
  closers.push(sdk.close, () => cache.close());
  return { cache, sdk };
}

describe("instrumentCache", () => {
  it("tells reads by template, tier and outcome; fetches, waits and what was not stored", async () => {
    const { cache, sdk } = setUp({ memory: true });
    await cache.ready();
    instrumentCache(cache, { meter: sdk.meter });
    const fetcher = () => setImmediate({ name: "Acme" });
    await Promise.all([cache.getOrSet("companies:1", fetcher), cache.getOrSet("companies:1", fetcher)]);
    for (let turn = 0; turn < 5; turn++) await cache.getOrSet("companies:1", fetcher);
    await cache.getMany(["companies:1", "companies:2"]);
    await cache.get("users:list");
    await cache.scope("acme").getOrSet("companies:7", fetcher);
    await cache.scope("acme").get("companies:7");
    await expect(cache.getOrSet("deals:1", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const figures = await sdk.read();
    expect(figures).toMatchObject({
      "reads{companies:{id},hit,memory}": 7,
      "reads{companies:{id},miss}": 4,
      "reads{users:list,miss}": 1,
      "reads{deals:{id},miss}": 1,
      "fetches{companies:{id}}": 2,
      "fetches{deals:{id}}": 1,
      "fetch.errors": 1,
      "fetch.waits{companies:{id}}": 1,
      "fetch.duration": 3,
      "store.available": 1,
      "memory.entries": 2,
      "memory.coherent": 1,
      entries: 2,
    });
    expect(figures["fetch.time{companies:{id}}"]).toBeGreaterThan(0);
    const { hits, misses } = await cache.getStats();
    expect([hits, misses]).toEqual([7, 6]);
  });

  it("tells hits of the store, stale ones apart", async () => {
    const { cache, sdk } = setUp();
    instrumentCache(cache, { meter: sdk.meter });
    await cache.set("companies:1", 1, { ttl: "5m", staleTtl: "5m" });
    await cache.get("companies:1");
    await cache.invalidate("companies:1", { soft: true });
    expect(await cache.getOrSet("companies:1", () => 2, { ttl: "5m", staleTtl: "5m" })).toBe(1);
    expect(await sdk.read()).toMatchObject({
      "reads{companies:{id},hit,store}": 1,
      "reads{companies:{id},stale,store}": 1,
      "invalidations{applied}": 1,
      "invalidations{pending}": 0,
      "invalidation.entries": 1,
      "invalidation.duration": 1,
    });
  });

  it("tells revoked fills", async () => {
    const { cache, sdk } = setUp();
    instrumentCache(cache, { meter: sdk.meter });
    await cache.getOrSet("companies:1", async () => {
      await cache.del("companies:1");
      return 1;
    });
    expect(await sdk.read()).toMatchObject({ "fills.revoked{companies:{id}}": 1 });
  });

  it("counts hits in process before their entry leaves, whatever removes it", async () => {
    const cache = createCache({ store: memoryStore(), memory: { maxEntries: 2 } });
    const sdk = startSdk();
    closers.push(sdk.close, () => cache.close());
    await cache.ready();
    instrumentCache(cache, { meter: sdk.meter });
    for (let at = 0; at < 50; at++) {
      await cache.getOrSet(`companies:${at}`, () => at);
      await cache.get(`companies:${at}`);
      if (at % 10 === 0) await cache.del(`companies:${at}`);
    }
    await cache.clear();
    const figures = await sdk.read();
    expect(figures["reads{companies:{id},hit,memory}"]).toBe(50);
    expect((await cache.getStats()).l1?.hits).toBe(50);
  });

  it("two instrumentations count the same, each from its own beginning", async () => {
    const { cache, sdk } = setUp({ memory: true });
    await cache.ready();
    instrumentCache(cache, { meter: sdk.meter });
    await cache.getOrSet("a:1", () => 1);
    await cache.get("a:1");
    const second = startSdk();
    closers.push(second.close);
    const later = instrumentCache(cache, { meter: second.meter });
    await cache.get("a:1");
    expect((await sdk.read())["reads{a:{id},hit,memory}"]).toBe(2);
    expect((await second.read())["reads{a:{id},hit,memory}"]).toBe(1);
    later.stop();
    await cache.get("a:1");
    expect((await sdk.read())["reads{a:{id},hit,memory}"]).toBe(3);
    expect((await second.read())["reads{a:{id},hit,memory}"]).toBe(1);
  });

  it("leaves the path of a hit in process as it is: nobody has to be told of one", async () => {
    const { cache, sdk } = setUp({ memory: true });
    await cache.ready();
    instrumentCache(cache, { meter: sdk.meter });
    expect(cache.internals.emitter.wants("entry:hit")).toBe(false);
    const seen: string[] = [];
    const off = cache.on("entry:hit", ({ tier }) => void seen.push(tier));
    await cache.getOrSet("a:1", () => 1);
    await cache.get("a:1");
    await cache.getMany(["a:1"]);
    off();
    expect(seen).toEqual(["memory", "memory"]);
  });

  it("makes a span of each fetch, without the key and without the message of a failure", async () => {
    const { cache, sdk } = setUp();
    const spans: { name: string; options: unknown; status: unknown; ended: boolean }[] = [];
    const tracer = {
      startSpan(name: string, options: unknown) {
        const span = { name, options, status: undefined as unknown, ended: false };
        spans.push(span);
        return {
          setStatus(status: unknown) {
            span.status = status;
          },
          end() {
            span.ended = true;
          },
        } as unknown as Span;
      },
    } as unknown as Tracer;
    instrumentCache(cache, { meter: sdk.meter, tracer });
    await cache.getOrSet("companies:4711471147110001", () => 1);
    await cache
      .getOrSet("companies:4711471147110002", () => Promise.reject(new TypeError("4711471147110002")))
      .catch(() => {});
    expect(spans).toMatchObject([
      {
        name: "cache fetch companies:{id}",
        options: { attributes: { "crm.cache.key.template": "companies:{id}" } },
        status: undefined,
        ended: true,
      },
      { options: { attributes: { "error.type": "TypeError" } }, status: { code: 2 }, ended: true },
    ]);
    // Ids of so many digits that no time of a span looks like a part of them.
    expect(JSON.stringify(spans)).not.toContain("47114711");
  });

  it("locks and limiters, without names of theirs that are without bound", async () => {
    const { cache, sdk } = setUp();
    const handlers = new Map<string, (payload: never) => void>();
    const locks = {
      on: (event: string, handler: (payload: never) => void) => {
        handlers.set(event, handler);
        return () => void handlers.delete(event);
      },
    } as LockEventSource;
    const stats = { allowed: 5, denied: 2, deniedFromMemory: 1, decidedByPolicy: 0 };
    const limiters = [{ name: "api", getStats: () => stats }];
    const instrumentation = instrumentCache(cache, { meter: sdk.meter, locks, limiters });
    const tell = (event: string, payload: object) => handlers.get(event)?.(payload as never);
    tell("lock:acquired", { lock: "invoice:1", waitedMs: 500 });
    tell("lock:released", { lock: "invoice:1", heldMs: 2000 });
    tell("lock:lost", { reason: "expired" });
    tell("lock:lost", { reason: "invented later" });
    tell("lock:renewal-failed", {});
    expect(await sdk.read()).toMatchObject({
      "locks{acquired}": 1,
      "locks{released}": 1,
      "locks{lost,expired}": 1,
      "locks{lost,other}": 1,
      "lock.wait.time": 0.5,
      "lock.held.time": 2,
      "lock.failures": 1,
      "limit.decisions{api,allowed}": 5,
      "limit.decisions{api,denied}": 2,
      "limit.denied_from_memory{api}": 1,
    });
    instrumentation.stop();
    expect(handlers.size).toBe(0);
  });

  it.each([
    ["cache", {}, {}],
    ["options", undefined, []],
    ["meter", undefined, { meter: {} }],
    ["template", undefined, { template: "companies:{id}" }],
    ["maxSeries", undefined, { maxSeries: 52 }],
    ["maxSeries", undefined, { maxSeries: 10_001 }],
    ["limiters", undefined, { limiters: [null] }],
    ["limiters", undefined, { limiters: {} }],
    ["locks", undefined, { locks: {} }],
  ])("refuses a wrong %s", (option, wrongCache, options) => {
    const { cache } = setUp();
    expect(() => instrumentCache((wrongCache ?? cache) as Cache, options as object)).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(option) }),
    );
  });
});

describe("cardinality", () => {
  const word = (at: number) =>
    [...at.toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join("");

  it("a million keys, ids that are words among them, make at most 200 series, as Prometheus counts", async () => {
    const { cache, sdk } = setUp({ memory: true });
    await cache.ready();
    const handlers = { on: () => () => {} } as LockEventSource;
    const limiters = ["api", "sign-in"].map((name) => ({
      ...{ name, getStats: () => ({ allowed: 1, denied: 1, deniedFromMemory: 1, decidedByPolicy: 1 }) },
    }));
    instrumentCache(cache, { meter: sdk.meter, locks: handlers, limiters });
    // Everything that can be counted of a template, of 60 templates: more than there is room for.
    for (let at = 0; at < 60; at++) {
      const key = `${word(at + 700)}:1`;
      const options = { ttl: "5m", staleTtl: "5m" } as const;
      await Promise.all([
        cache.getOrSet(key, () => setImmediate(1), options),
        cache.getOrSet(key, () => 1, options),
      ]);
      await cache.get(key);
      await cache.invalidate(key, { soft: true });
      await cache.getOrSet(key, () => cache.del(key), options);
      await setImmediate();
    }
    const batch = 1_000;
    for (let from = 0; from < 1_000_000; from += batch) {
      const keys = Array.from({ length: batch }, (_, at) =>
        at % 2 === 0 ? `companies:${from + at}:deals:${word(from + at)}` : `${word(from + at)}:list`,
      );
      await cache.getMany(keys);
    }
    expect(await sdk.series()).toBeLessThanOrEqual(200);
    const figures = await sdk.read();
    const missed = Object.entries(figures)
      .filter(([name]) => name.startsWith("reads{") && name.endsWith(",miss}"))
      .reduce((sum, [, count]) => sum + count, 0);
    expect(missed).toBe((await cache.getStats()).misses);
    expect(figures["reads{other,miss}"]).toBeGreaterThan(900_000);
  }, 60_000);

  it("the control arm: the key in place of its template makes a series of each", async () => {
    const { cache, sdk } = setUp();
    instrumentCache(cache, { meter: sdk.meter, template: (key) => key, maxSeries: 10_000 });
    await cache.getMany(Array.from({ length: 1_000 }, (_, at) => `companies:${at}`));
    expect(await sdk.series()).toBeGreaterThan(1_000);
  });

  it("what no template describes is other", async () => {
    const { cache, sdk } = setUp();
    instrumentCache(cache, { meter: sdk.meter, template: keyTemplates(["companies:{id}"]) });
    await cache.getMany(["companies:konex", "secrets:of:somebody"]);
    expect(await sdk.read()).toMatchObject({ "reads{companies:{id},miss}": 1, "reads{other,miss}": 1 });
  });
});
