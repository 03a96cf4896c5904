import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { TopKeys } from "../src/internal/top-keys.ts";

/**
 * `HOT_TRACE=<path of the unpacked orm-night.trace>` for all 5,000,000 reads. The sample in fixtures is its first 400,000; see
 * `fixtures/README.md` for where it comes from.
 */
const TRACE = process.env.HOT_TRACE;
const SAMPLE = new URL("./fixtures/orm-night-400k.bin.gz", import.meta.url);
const MEGABYTE = 1_048_576;

function readTrace(): string[] {
  const bytes =
    TRACE !== undefined && existsSync(TRACE) ? readFileSync(TRACE) : gunzipSync(readFileSync(SAMPLE));
  const names = new Map<number, string>();
  const reads: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const id = bytes.readUInt32BE(at);
    let name = names.get(id);
    if (name === undefined) {
      // The upper five bits are the type of the entity.
      name = `${["companies", "users", "deals"][(id >>> 27) % 3]}${id >>> 27}:${id & 0x7ff_ffff}`;
      names.set(id, name);
    }
    reads.push(name);
  }
  return reads;
}

function topKeys(capacity = 4_096): TopKeys<{ name: string; count: number }> {
  return new TopKeys(
    capacity,
    (name, count) => ({ name, count }),
    () => {},
  );
}

/** The share of the true top that was found. Keys that are read as often as the last of it count as well. */
function recall(found: readonly string[], truth: ReadonlyMap<string, number>, top: number): number {
  const least = [...truth.values()].sort((a, b) => b - a)[top - 1] as number;
  return found.filter((name) => (truth.get(name) ?? 0) >= least).length / top;
}

describe("the sketch of hot keys", () => {
  const reads = readTrace();

  it("finds at least 95 of the 100 most read keys of the trace, in a megabyte", () => {
    const sketch = topKeys();
    const truth = new Map<string, number>();
    const began = performance.now();
    for (const name of reads) sketch.read(name);
    const nsPerRead = ((performance.now() - began) * 1e6) / reads.length;
    for (const name of reads) truth.set(name, (truth.get(name) ?? 0) + 1);
    const found = recall(
      sketch.top(100).map(({ key }) => key.name),
      truth,
      100,
    );
    if (process.env.WARMER_FIGURES) {
      const figures = {
        reads: reads.length,
        keys: truth.size,
        recall: found,
        bytes: sketch.bytes,
        nsPerRead,
      };
      process.stdout.write(`${JSON.stringify(figures)}\n`);
    }
    expect(found).toBeGreaterThanOrEqual(0.95);
    expect(sketch.bytes).toBeLessThanOrEqual(MEGABYTE);
  });

  it("follows what is hot now: with counts that decay, at each of ten moments", () => {
    const sketch = topKeys();
    const truth = new Map<string, number>();
    const halfLife = Math.floor(reads.length / 4);
    const recalls: number[] = [];
    reads.forEach((name, at) => {
      sketch.read(name);
      truth.set(name, (truth.get(name) ?? 0) + 1);
      if ((at + 1) % Math.floor(reads.length / 10) === 0) {
        const found = sketch.top(100).map(({ key }) => key.name);
        recalls.push(recall(found, truth, 100));
      }
      if ((at + 1) % halfLife === 0) {
        sketch.halve();
        for (const [key, count] of truth) truth.set(key, count / 2);
      }
    });
    if (process.env.WARMER_FIGURES) process.stdout.write(`${JSON.stringify({ recalls })}\n`);
    const mean = recalls.reduce((sum, each) => sum + each, 0) / recalls.length;
    expect(mean).toBeGreaterThanOrEqual(0.95);
  });

  it("control arm: as many plain counters for those who came first find fewer", () => {
    const counts = new Map<string, number>();
    const truth = new Map<string, number>();
    for (const name of reads) {
      truth.set(name, (truth.get(name) ?? 0) + 1);
      const count = counts.get(name);
      if (count !== undefined) counts.set(name, count + 1);
      else if (counts.size < 1_000) counts.set(name, 1);
    }
    const found = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 100);
    const share = recall(
      found.map(([name]) => name),
      truth,
      100,
    );
    expect(share).toBeLessThan(0.9);
  });

  it("keeps its bounds whatever the names", () => {
    const sketch = topKeys();
    for (let n = 0; n < 20_000; n++) {
      const name = `${"š".repeat(500)}${n}`;
      for (let times = 0; times < 1 + (n % 7); times++) sketch.read(name);
    }
    expect(sketch.bytes).toBeLessThanOrEqual(MEGABYTE);
    expect(sketch.size).toBeGreaterThan(400);
  });

  it("estimates no key too low, and a seeded one as it was", () => {
    const sketch = topKeys();
    for (let n = 0; n < 5_000; n++) for (let times = 0; times <= n % 5; times++) sketch.read(`k${n}`);
    for (const { key, reads: estimate } of sketch.top(10)) {
      expect(estimate).toBeGreaterThanOrEqual(1 + (Number(key.name.slice(1)) % 5));
    }
    sketch.seed("old", 1_000);
    expect(sketch.top(1)[0]).toMatchObject({ key: { name: "old" }, reads: 1_000 });
    sketch.halve();
    expect(sketch.top(1)[0]?.reads).toBe(500);
  });
});
