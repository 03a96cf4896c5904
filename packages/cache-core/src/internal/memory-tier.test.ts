import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { seededRandom } from "@crm/testkit";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob } from "../glob.ts";
import { MemoryTier, TierEntry } from "./memory-tier.ts";
import { shareValue } from "./share-value.ts";

/** An entry with a value of so many bytes, more or less. */
function entry(key: string, valueBytes = 10, tags: readonly string[] = []): TierEntry {
  return new TierEntry({
    key,
    shared: { ...shareValue({ of: key })!, bytes: valueBytes },
    tags,
    freshUntil: 1,
    expiresAt: 2,
    createdAt: 3,
  });
}

const roomy = { maxEntries: 1_000, maxBytes: 10_000_000, maxEntryBytes: 100_000 };

describe("TierEntry", () => {
  it("shares a plain value, and a promise of it, as they are", async () => {
    const made = entry("k");
    expect(made.copyOnRead).toBe(false);
    expect(made.read()).toBe(made.value);
    expect(await made.promise).toBe(made.value);
  });

  it("gives each caller a copy of a value that cannot be shared", () => {
    const value = { at: new Date(5) };
    const shared = shareValue(value)!;
    const made = new TierEntry({
      key: "k",
      shared,
      tags: [],
      freshUntil: 1,
      expiresAt: 2,
      createdAt: 3,
    });
    expect([made.copyOnRead, made.value, made.promise]).toEqual([true, undefined, null]);
    expect(made.read()).toEqual(value);
    expect(made.read()).not.toBe(made.read());
  });
});

describe("MemoryTier", () => {
  it("returns what was set until it is deleted", () => {
    const tier = new MemoryTier(roomy);
    const made = entry("a");
    expect(tier.set(made)).toBe(true);
    expect(tier.get("a")).toBe(made);
    expect(tier.peek("a")).toBe(made);
    expect(tier.get("b")).toBeUndefined();
    expect(tier.delete("a")).toBe(true);
    expect(tier.delete("a")).toBe(false);
    expect(tier.get("a")).toBeUndefined();
    expect(tier.stats()).toEqual({ entries: 0, bytes: 0, evictions: 0 });
  });

  it("refuses an entry that is too large, and does not keep the one it was to replace", () => {
    const tier = new MemoryTier({ ...roomy, maxEntryBytes: 1_000 });
    tier.set(entry("a", 10));
    expect(tier.set(entry("a", 1_000))).toBe(false);
    expect(tier.get("a")).toBeUndefined();
    expect(tier.stats()).toEqual({ entries: 0, bytes: 0, evictions: 0 });
    const tiny = new MemoryTier({ maxEntries: 5, maxBytes: 100, maxEntryBytes: 100_000 });
    expect(tiny.set(entry("a"))).toBe(false);
    const none = new MemoryTier({ ...roomy, maxEntries: 0 });
    expect(none.set(entry("a"))).toBe(false);
  });

  it("evicts what was not hit, oldest first, and spares what was", () => {
    const tier = new MemoryTier({ ...roomy, maxEntries: 4 });
    for (const key of ["a", "b", "c", "d"]) tier.set(entry(key));
    tier.get("a");
    tier.get("c");
    tier.peek("b");
    tier.set(entry("e"));
    tier.set(entry("f"));
    expect(["a", "b", "c", "d", "e", "f"].filter((key) => tier.peek(key))).toEqual(["a", "c", "e", "f"]);
    expect(tier.stats().evictions).toBe(2);
  });

  it("keeps what was in use in use when it is written anew", () => {
    const tier = new MemoryTier({ ...roomy, maxEntries: 2 });
    tier.set(entry("a"));
    tier.get("a");
    tier.set(entry("b"));
    tier.set(entry("a"));
    tier.set(entry("c"));
    expect(tier.peek("a")).toBeDefined();
    expect(tier.peek("b")).toBeUndefined();
  });

  it("removes exactly what a tag, a prefix or a predicate covers", () => {
    const tier = new MemoryTier(roomy);
    tier.set(entry("c:1", 10, ["red", "big"]));
    tier.set(entry("c:2", 10, ["red"]));
    tier.set(entry("c:3", 10, ["big"]));
    tier.set(entry("d:1"));
    tier.set(entry("c:2", 10, ["blue"]));
    expect(tier.deleteByTag("red")).toBe(1);
    expect(tier.deleteByTag("red")).toBe(0);
    expect(tier.deleteByTag("unknown")).toBe(0);
    expect(tier.deletePrefix("c:2")).toBe(1);
    expect(tier.deleteByTag("blue")).toBe(0);
    expect(tier.deleteMatching((key) => key.endsWith("1"))).toBe(1);
    expect(tier.stats().entries).toBe(1);
    expect(tier.peek("c:3")).toBeDefined();
    tier.set(entry("c:1:x"));
    tier.set(entry("c:1:y"));
    expect(tier.deleteGlob(compileGlob("c:?:y"))).toBe(1);
    expect(tier.deleteGlob(compileGlob("c:1:x"))).toBe(1);
    expect(tier.deleteGlob(compileGlob("d*"))).toBe(0);
    expect(tier.deletePrefix("c:", (key) => key === "c:2")).toBe(0);
    tier.clear();
    expect(tier.deleteByTag("big")).toBe(0);
    expect(tier.stats()).toEqual({ entries: 0, bytes: 0, evictions: 0 });
  });

  it("keeps both bounds and an exact tag index after any history", () => {
    const tag = fc.constantFrom("t1", "t2", "t3");
    const key = fc.integer({ min: 0, max: 30 }).map((n) => `${n % 3}:${n}`);
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          key,
          bytes: fc.constantFrom(0, 200, 2_000, 3_600),
          tags: fc.uniqueArray(tag, { maxLength: 3 }),
        }),
      },
      { weight: 4, arbitrary: fc.record({ hit: key }) },
      { weight: 2, arbitrary: fc.record({ delete: key }) },
      { weight: 1, arbitrary: fc.record({ byTag: tag }) },
      { weight: 1, arbitrary: fc.record({ prefix: fc.constantFrom("0:", "1:", "2:1") }) },
    );
    const bounds = { maxEntries: 12, maxBytes: 12_000, maxEntryBytes: 4_000 };
    const property = fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const tier = new MemoryTier(bounds);
      /** Everything that was set and not removed on purpose: what the tier may have, and evictions take from. */
      const model = new Map<string, TierEntry>();
      for (const action of steps) {
        if ("hit" in action) {
          const found = tier.get(action.hit);
          if (found !== undefined) expect(found).toBe(model.get(action.hit));
        } else if ("delete" in action) {
          tier.delete(action.delete);
          model.delete(action.delete);
        } else if ("byTag" in action) {
          const expected = [...model.values()].filter((made) => made.tags.includes(action.byTag));
          const present = expected.filter((made) => tier.peek(made.key) === made).length;
          expect(tier.deleteByTag(action.byTag)).toBe(present);
          for (const made of expected) model.delete(made.key);
        } else if ("prefix" in action) {
          const expected = [...model.keys()].filter((name) => name.startsWith(action.prefix));
          const present = expected.filter((name) => tier.peek(name)).length;
          expect(tier.deletePrefix(action.prefix)).toBe(present);
          for (const name of expected) model.delete(name);
        } else {
          const made = entry(action.key, action.bytes, action.tags);
          const stored = tier.set(made);
          expect(stored).toBe(made.bytes <= bounds.maxEntryBytes);
          if (stored) {
            model.set(action.key, made);
            expect(tier.peek(action.key)).toBe(made);
          } else model.delete(action.key);
        }
        const present = [...model.values()].filter((made) => tier.peek(made.key) === made);
        const stats = tier.stats();
        expect(stats.entries).toBe(present.length);
        expect(stats.bytes).toBe(present.reduce((sum, made) => sum + made.bytes, 0));
        expect(stats.entries).toBeLessThanOrEqual(bounds.maxEntries);
        expect(stats.bytes).toBeLessThanOrEqual(bounds.maxBytes);
      }
    });
    fc.assert(property, { seed: 20261123, numRuns: 500 });
  });

  it("does not hold on to the neighbours of an entry that somebody still holds", () => {
    const tier = new MemoryTier({ ...roomy, maxEntries: 2 });
    const made = entry("a");
    tier.set(made);
    for (let i = 0; i < 10; i++) tier.set(entry(`k${i}`));
    expect([made.newer, made.older]).toEqual([null, null]);
  });
});

describe("estimate of bytes", () => {
  const rows = (i: number): unknown =>
    Array.from({ length: 5 }, (_, j) => ({
      id: i * j,
      name: `Company ${i}`,
      at: new Date(i),
      list: ["a", j],
    }));
  const flat = (i: number): unknown => ({ id: i, name: `Company ${i}`, industry: "it", ratio: i / 7 });
  const text = (i: number): unknown => "x".repeat(500) + i;
  // As a codec makes them: each key is a text of its own.
  const dictionary = (i: number): unknown =>
    JSON.parse(`{${Array.from({ length: 20 }, (_, j) => `"${(i * 20 + j).toString(36)}-by-id":${j}`)}}`);

  it.each([
    ["rows with dates", rows],
    ["flat objects", flat],
    ["texts", text],
    ["objects by id", dictionary],
    ["large whole numbers", (i: number): unknown => BigInt(i + 1) << 8_000n],
  ])("is about the memory really taken: %s", (_, make) => {
    // Only a new context gets the function; the flag changes nothing else in this process.
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const used = (): number => {
      for (let i = 0; i < 3; i++) collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    const tier = new MemoryTier({ maxEntries: 1e6, maxBytes: 1e9, maxEntryBytes: 1e6 });
    for (let i = 0; i < 10_000; i++) {
      tier.set(
        new TierEntry({
          key: `companies:list:${i}`,
          shared: shareValue(make(i))!,
          tags: [`tag:${i}`, `group:${i % 10}`],
          freshUntil: 1.5,
          expiresAt: 2.5,
          createdAt: 3.5,
        }),
      );
    }
    const ratio = tier.stats().bytes / (used() - before);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.6);
  });
});

describe("hit rate", () => {
  const CAPACITY = 1_000;

  /** Zipf over 10,000 keys; every so often a scan over keys that are asked for once. */
  function* trace(): Generator<string> {
    const random = seededRandom(11);
    const keys = 10_000;
    const cumulative = new Float64Array(keys);
    let sum = 0;
    for (let rank = 0; rank < keys; rank++) {
      sum += 1 / (rank + 1) ** 0.9;
      cumulative[rank] = sum;
    }
    let scanned = 0;
    for (let i = 0; i < 300_000; i++) {
      if (i % 3_000 === 2_999) for (let s = 0; s < 1_000; s++) yield `scan:${scanned++}`;
      const target = random.next() * sum;
      let [low, high] = [0, keys - 1];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (cumulative[middle]! < target) low = middle + 1;
        else high = middle;
      }
      yield `key:${low}`;
    }
  }

  function hitRateOfSieve(): number {
    const tier = new MemoryTier({ ...roomy, maxEntries: CAPACITY });
    let [hits, reads] = [0, 0];
    for (const key of trace()) {
      reads++;
      if (tier.get(key)) hits++;
      else tier.set(entry(key));
    }
    return hits / reads;
  }

  function hitRateOfLru(): number {
    const lru = new Set<string>();
    let [hits, reads] = [0, 0];
    for (const key of trace()) {
      reads++;
      if (lru.delete(key)) hits++;
      else if (lru.size >= CAPACITY) lru.delete(lru.values().next().value!);
      lru.add(key);
    }
    return hits / reads;
  }

  it("is at least 3 points above LRU when scans pass through", () => {
    const [sieve, lru] = [hitRateOfSieve(), hitRateOfLru()];
    expect(sieve - lru).toBeGreaterThan(0.03);
  });
});
