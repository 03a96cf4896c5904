import type { CacheEntry, CacheEvents } from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { seededRandom } from "@crm/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type ConsistencyMeter,
  createConsistencyMeter,
  type MeteredCache,
} from "./create-consistency-meter.ts";
import type { Anomaly } from "./meter-events.ts";
import type { ConsistencyMeterOptions } from "./meter-options.ts";

const MINUTE = 60_000;

let clock: FakeClock;
let entries: Map<string, CacheEntry>;
let truth: Map<string, unknown>;
let asked: string[];
let listeners: Map<string, (payload: never) => void>;
let anomalies: Anomaly[];

/** A cache of which only `lookup` and events are there. */
const cache: MeteredCache = {
  lookup: <T>(key: string) => Promise.resolve(entries.get(key) as CacheEntry<T> | undefined),
  on(event, handler) {
    listeners.set(event, handler);
    return () => void listeners.delete(event);
  },
};

beforeEach(() => {
  clock = createFakeClock();
  entries = new Map();
  truth = new Map();
  asked = [];
  listeners = new Map();
  anomalies = [];
});

function meterWith(options: Partial<ConsistencyMeterOptions> = {}): ConsistencyMeter {
  const meter = createConsistencyMeter(cache, {
    sampleRate: 1,
    clock,
    source(key) {
      asked.push(key);
      return truth.get(key);
    },
    ...options,
  });
  meter.on("anomaly:found", (anomaly) => void anomalies.push(anomaly));
  return meter;
}

function store(key: string, value: unknown, state: CacheEntry["state"] = "fresh"): void {
  const createdAt = new Date(clock.wall());
  entries.set(key, { value, state, ttl: 60, expiresIn: 90, createdAt, tags: ["t"], tier: "store" });
}

function emit<E extends keyof CacheEvents>(event: E, payload: CacheEvents[E]): void {
  (listeners.get(event) as ((payload: CacheEvents[E]) => void) | undefined)?.(payload);
}

function applied(what: { keys?: string[]; tags?: string[]; patterns?: string[]; soft?: boolean }): void {
  emit("invalidation:applied", {
    keys: [],
    tags: [],
    patterns: [],
    soft: false,
    removed: 1,
    durationMs: 1,
    ...what,
  });
}

describe("rechecking", () => {
  test("after 1, 5 and 10 minutes; what is not cached any more is consistent, and the source is not asked", async () => {
    await using meter = meterWith();
    meter.observe("event", ["a"]);
    await clock.advance(MINUTE - 1);
    expect(meter.getStats().delays[0]?.consistent).toBe(0);
    await clock.advance(1);
    expect(meter.getStats().delays.map(({ consistent }) => consistent)).toEqual([1, 0, 0]);
    await clock.advance(4 * MINUTE);
    await clock.advance(5 * MINUTE);
    expect(meter.getStats()).toMatchObject({
      observed: 1,
      sampled: 1,
      dropped: 0,
      pending: 0,
      delays: [60, 300, 600].map((delaySeconds) => ({
        delaySeconds,
        consistent: 1,
        notYet: 0,
        stuck: 0,
        unknown: 0,
        share: 1,
        nines: null,
      })),
    });
    expect(asked).toEqual([]);
  });

  test("what was filled again from the same source is consistent", async () => {
    await using meter = meterWith();
    truth.set("a", { id: 1, at: new Date(7) });
    meter.observe("event", ["a"]);
    store("a", { id: 1, at: new Date(7) });
    await clock.advance(10 * MINUTE);
    expect(meter.getStats().delays.map(({ consistent }) => consistent)).toEqual([1, 1, 1]);
    expect(anomalies).toEqual([]);
  });

  test("an entry that survived is stuck, and reported with its history, again at each delay", async () => {
    await using meter = meterWith({ historyOf: (key) => Promise.resolve(`history of ${key}`) });
    store("a", { name: "old" });
    truth.set("a", { name: "new" });
    const createdAt = new Date(clock.wall());
    meter.observe({ event: "entity:updated" }, ["a", "b"]);
    await clock.advance(30_000);
    meter.observe("another", ["a"]);
    await clock.advance(MINUTE + 10_000);
    const [found] = anomalies;
    expect(found).toEqual({
      key: "a",
      delaySeconds: 60,
      repeated: false,
      entry: { createdAt, ttl: 60, expiresIn: 90, tags: ["t"], tier: "store" },
      cached: { name: "old" },
      source: { name: "new" },
      invalidations: [
        { at: createdAt, what: { event: "entity:updated" } },
        { at: new Date(createdAt.getTime() + 30_000), what: "another" },
      ],
      looks: [
        { at: new Date(createdAt.getTime() + 60_000), result: "differs" },
        { at: new Date(createdAt.getTime() + 70_000), result: "differs" },
      ],
      history: "history of a",
    });
    await clock.advance(11 * MINUTE);
    // Two samples of the same key, three delays each.
    expect(anomalies.map(({ delaySeconds, repeated }) => [delaySeconds, repeated])).toEqual([
      [60, false],
      [60, false],
      [300, true],
      [300, true],
      [600, true],
      [600, true],
    ]);
    const [first] = meter.getStats().delays;
    expect(first).toMatchObject({ consistent: 1, stuck: 2, share: 1 / 3 });
    expect(first?.nines).toBeCloseTo(-Math.log10(2 / 3));
  });
});

describe("what is no anomaly", () => {
  test("an invalidation under way: gone, or replaced, by the second look", async () => {
    await using meter = meterWith({ delays: ["1m"] });
    for (const key of ["gone", "replaced", "rewritten"]) {
      store(key, "old");
      truth.set(key, "new");
    }
    meter.observe("event", ["gone", "replaced", "rewritten"]);
    await clock.advance(MINUTE + 5_000);
    entries.delete("gone");
    store("replaced", "new");
    // Wrong again, but another entry: its own change may be under way.
    store("rewritten", "old");
    await clock.advance(5_000);
    expect(meter.getStats()).toMatchObject({ pending: 0, delays: [{ consistent: 0, notYet: 3, stuck: 0 }] });
    expect(anomalies).toEqual([]);
  });

  test("control arm: looking once would have reported each of them", async () => {
    await using meter = meterWith({ delays: ["1m"] });
    store("gone", "old");
    truth.set("gone", "new");
    meter.observe("event", ["gone"]);
    await clock.advance(MINUTE + 5_000);
    expect(asked).toEqual(["gone"]);
    expect(meter.getStats().delays[0]).toMatchObject({ consistent: 0, notYet: 0, stuck: 0 });
  });

  test("an entry that was written after the recheck began", async () => {
    await using meter = meterWith({
      delays: ["1m"],
      source(key) {
        // Another process fills it while we ask.
        clock.advanceSync(1);
        store(key, "new");
        return "new";
      },
    });
    store("a", "old");
    meter.observe("event", ["a"]);
    await clock.advance(2 * MINUTE);
    expect(meter.getStats().delays[0]).toMatchObject({ consistent: 0, notYet: 1, stuck: 0 });
  });

  test("a source that changed between the looks", async () => {
    await using meter = meterWith({ delays: ["1m"] });
    store("a", "old");
    truth.set("a", "newer");
    meter.observe("event", ["a"]);
    await clock.advance(MINUTE);
    truth.set("a", "newest");
    await clock.advance(MINUTE);
    expect(meter.getStats().delays[0]).toMatchObject({ notYet: 1, stuck: 0 });
  });

  test("what cannot be known: a stale entry, a source that does not tell, a source that fails", async () => {
    const failures: unknown[] = [];
    const error = new Error("down");
    await using meter = meterWith({
      delays: ["1m"],
      source(key) {
        if (key === "failing") throw error;
        return undefined;
      },
    });
    meter.on("check:failed", (failure) => void failures.push(failure));
    store("stale", "old", "stale");
    store("untold", "old");
    store("failing", "old");
    meter.observe("event", ["stale", "untold", "failing"]);
    await clock.advance(2 * MINUTE);
    expect(meter.getStats().delays[0]).toMatchObject({ unknown: 3, consistent: 0, share: null });
    expect(failures).toEqual([{ key: "failing", error }]);
  });

  test("what the user's equality takes for the same", async () => {
    await using meter = meterWith({
      delays: ["1m"],
      equals: (cached, source) => (cached as { id: number }).id === (source as { id: number }).id,
    });
    store("a", { id: 1, views: 5 });
    truth.set("a", { id: 1, views: 6 });
    meter.observe("event", ["a"]);
    await clock.advance(2 * MINUTE);
    expect(meter.getStats().delays[0]).toMatchObject({ consistent: 1, stuck: 0 });
  });
});

describe("sampling", () => {
  test("takes the share that was asked for", async () => {
    const random = seededRandom(7);
    await using meter = meterWith({ sampleRate: 0.01, random: () => random.int(0, 999_999) / 1_000_000 });
    for (let i = 0; i < 50_000; i++) meter.observe("event", [`k${i}`]);
    const { observed, sampled } = meter.getStats();
    expect(observed).toBe(50_000);
    expect(sampled).toBeGreaterThan(400);
    expect(sampled).toBeLessThan(600);
  });

  test("keeps at most maxPending, counts what it drops, and takes more when there is room", async () => {
    await using meter = meterWith({ maxPending: 10, delays: ["1m"] });
    for (let i = 0; i < 25; i++) meter.observe("event", [`k${i}`]);
    expect(meter.getStats()).toMatchObject({ sampled: 10, dropped: 15, pending: 10 });
    await clock.advance(MINUTE);
    expect(meter.getStats().pending).toBe(0);
    meter.observe("event", ["later"]);
    expect(meter.getStats()).toMatchObject({ sampled: 11, pending: 1 });
  });

  test("looks at no more than `concurrency` keys at a time", async () => {
    let running = 0;
    let most = 0;
    await using meter = meterWith({
      concurrency: 3,
      delays: ["1m"],
      async source() {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return "same";
      },
    });
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    for (const key of keys) store(key, "same");
    meter.observe("event", keys);
    await clock.advance(MINUTE);
    for (let i = 0; i < 20; i++) await clock.advance(1);
    expect(meter.getStats().delays[0]?.consistent).toBe(20);
    expect(most).toBe(3);
  });
});

describe("the cache's own events", () => {
  test("keys are taken as they are, patterns through the keys that were stored here last", async () => {
    await using meter = meterWith({ trackKeys: 3 });
    emit("entry:set", { key: "deals:0" });
    emit("entry:set", { key: "deals:1" });
    emit("fill:stored", { key: "deals:2" });
    emit("fill:stored", { key: "users:1" });
    expect(meter.getStats().trackedKeys).toBe(3);
    applied({ keys: ["a", "b"] });
    expect(meter.getStats().sampled).toBe(2);
    applied({ patterns: ["deals:*", "deals:[12]", "x?y"] });
    expect(meter.getStats().sampled).toBe(4);
  });

  test("tags through keysOf", async () => {
    await using meter = meterWith({ keysOf: ({ tags }) => tags.map((tag) => `${tag}:1`) });
    applied({ tags: ["company"] });
    expect(meter.getStats().sampled).toBe(1);
  });

  test("a soft invalidation promises nothing and is not sampled", async () => {
    await using meter = meterWith();
    applied({ keys: ["a"], soft: true });
    expect(meter.getStats().observed).toBe(0);
  });

  test.each([
    ["a*c", "abbc", true],
    ["a*c", "abbd", false],
    ["a?c", "abc", true],
    ["a\\*c", "a*c", true],
    ["a\\*c", "abc", false],
    ["a.c", "abc", false],
    ["**", "x\ny", true],
    ["(a|b)", "a", false],
    // Redis matches bytes, and so does what is invalidated.
    ["caf??", "café", true],
    ["caf?", "café", false],
    ["caf[a-z]", "cafe", true],
    ["caf[^a-z]", "cafe", false],
  ])("the glob %s and the key %s: %s", async (glob, key, matches) => {
    await using meter = meterWith();
    emit("entry:set", { key });
    applied({ patterns: [glob] });
    expect(meter.getStats().observed).toBe(matches ? 1 : 0);
  });
});

test("a glob of many stars is matched at once", async () => {
  await using meter = meterWith();
  for (let i = 0; i < 100; i++) emit("entry:set", { key: `${"a".repeat(60)}${i}` });
  applied({ patterns: [`${"*a".repeat(12)}*b`] });
  expect(meter.getStats().observed).toBe(0);
});

describe("the meter itself", () => {
  test("closed, it leaves no timer, listener or sample behind", async () => {
    const meter = meterWith();
    store("a", "old");
    truth.set("a", "new");
    meter.observe("event", ["a"]);
    await clock.advance(MINUTE);
    await meter.close();
    await meter.close();
    expect([clock.pendingTimers, listeners.size, meter.getStats().pending]).toEqual([0, 0, 0]);
    meter.observe("event", ["b"]);
    await clock.advance(11 * MINUTE);
    expect(meter.getStats()).toMatchObject({ observed: 1, pending: 0 });
    expect(anomalies).toEqual([]);
  });

  test("a listener or a history that throws stops nobody", async () => {
    const failures: string[] = [];
    await using meter = meterWith({
      delays: ["1m"],
      historyOf: () => Promise.reject(new Error("no history")),
    });
    meter.on("check:failed", ({ error }) => {
      failures.push((error as Error).message);
      throw new Error("a bad listener");
    });
    store("a", "old");
    truth.set("a", null);
    meter.observe("event", ["a"]);
    await clock.advance(2 * MINUTE);
    expect(failures).toEqual(["no history"]);
    expect(anomalies).toMatchObject([{ key: "a", cached: "old", source: null, history: undefined }]);
  });

  test("a source that never answers cannot tell, and keeps neither other samples nor the end waiting", async () => {
    const failures: string[] = [];
    await using meter = meterWith({
      delays: ["1m"],
      concurrency: 1,
      source: (key) => (key === "hangs" ? new Promise(() => {}) : "new"),
    });
    meter.on("check:failed", ({ key, error }) => void failures.push(`${key}: ${(error as Error).message}`));
    for (const key of ["hangs", "a"]) store(key, "new");
    meter.observe("event", ["hangs", "a"]);
    await clock.advance(MINUTE);
    expect(meter.getStats().delays[0]).toMatchObject({ consistent: 0, unknown: 0 });
    await clock.advance(10_000);
    await clock.advance(1);
    expect(meter.getStats().delays[0]).toMatchObject({ consistent: 1, unknown: 1 });
    expect(failures).toEqual(["hangs: There was no answer within 10000 ms"]);
    meter.observe("event", ["hangs"]);
    await clock.advance(MINUTE);
    await meter.close();
    expect([clock.pendingTimers, failures.length]).toEqual([0, 1]);
  });

  test("a history that never answers is left out, and the anomaly is told", async () => {
    await using meter = meterWith({ delays: ["1m"], historyOf: () => new Promise(() => {}) });
    store("a", "old");
    truth.set("a", "new");
    meter.observe("event", ["a"]);
    await clock.advance(MINUTE + 21_000);
    expect(anomalies).toMatchObject([{ key: "a", history: undefined }]);
  });

  test.each([
    [
      () => {
        throw new Error("broken");
      },
    ],
    [() => 7 as never],
  ])("a keysOf that fails (%s) takes no key of the invalidation along", async (keysOf) => {
    const lines: string[] = [];
    const write = (_: object, message: string): void => void lines.push(message);
    await using meter = meterWith({
      keysOf,
      logger: { debug: write, info: write, warn: write, error: write },
    });
    applied({ keys: ["a", "b"] });
    expect(meter.getStats().observed).toBe(2);
    expect(lines).toEqual(["meter: keysOf failed"]);
  });

  test.each([["companies:1"], [undefined], [null], [7]])("%j is no iterable of keys", (keys) => {
    const meter = meterWith();
    expect(() => meter.observe("event", keys as never)).toThrow(/"keys": expected an iterable of keys/);
    expect(meter.getStats().observed).toBe(0);
  });

  test.each([[undefined], [null], [{}]])("%j is no cache", (given) => {
    expect(() => createConsistencyMeter(given as never, { source: () => null })).toThrow(/"cache": expected/);
  });

  test("logs keys, never values", async () => {
    const lines: string[] = [];
    const write = (fields: object, message: string): void =>
      void lines.push(JSON.stringify([fields, message]));
    await using _meter = meterWith({
      delays: ["1m"],
      logger: { debug: write, info: write, warn: write, error: write },
    });
    store("a", "secret-old");
    truth.set("a", "secret-new");
    _meter.observe("event", ["a"]);
    await clock.advance(2 * MINUTE);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("secret");
  });

  test.each<[string, Partial<ConsistencyMeterOptions>]>([
    ["sampleRate", { sampleRate: 0 }],
    ["sampleRate", { sampleRate: "1" as never }],
    ["sampleRate", { sampleRate: Number.NaN }],
    ["delays", { delays: [] }],
    ["delays", { delays: ["5m", "1m"] }],
    ["delays[1]", { delays: ["1m", -1] }],
    ["grace", { grace: 0 }],
    ["maxPending", { maxPending: 0 }],
    ["concurrency", { concurrency: 101 }],
    ["trackKeys", { trackKeys: -1 }],
    ["source", { source: "SELECT" as never }],
    ["equals", { equals: true as never }],
    ["keysOf", { keysOf: ["a"] as never }],
    ["historyOf", { historyOf: {} as never }],
    ["random", { random: 0.5 as never }],
  ])("refuses a wrong %s", (name, options) => {
    expect(() => meterWith(options)).toThrow(name);
  });
});
