// What instrumentation costs a hit of the in-process tier: one cache, measured in turn with
// and without. OTEL_ROUNDS=400 for the figures of docs/measurements/otel.md.

import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { afterAll, expect, it } from "vitest";
import { type Cache, createCache, memoryStore } from "../src/index.ts";
import { instrumentCache } from "../src/otel/index.ts";

const ROUNDS = Number(process.env.OTEL_ROUNDS ?? 60);
const READS = 20_000;
const KEYS = Array.from({ length: 1_000 }, (_, at) => `companies:${at}`);

class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}
const reader = new Reader();
const provider = new MeterProvider({ readers: [reader] });
const caches: Cache[] = [];
afterAll(async () => {
  await provider.shutdown();
  for (const cache of caches) await cache.close();
});

async function fill(): Promise<Cache> {
  const cache = createCache({ store: memoryStore(), memory: { ttl: "1h" }, defaults: { ttl: "1h" } });
  caches.push(cache);
  await cache.ready();
  for (const key of KEYS) await cache.getOrSet(key, () => ({ id: key, name: "Acme" }));
  return cache;
}

/** ns a read, awaited one after the other. */
async function measure(cache: Cache): Promise<number> {
  const startedAt = process.hrtime.bigint();
  for (let read = 0; read < READS; read++)
    await cache.getOrSet(KEYS[read % KEYS.length] as string, () => null);
  return Number(process.hrtime.bigint() - startedAt) / READS;
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[list.length >> 1] as number;

/** What is switched on while an arm is measured; returns the function that switches it off. */
const ARMS = {
  plain: () => () => {},
  again: () => () => {},
  instrumented: (cache: Cache) => {
    const instrumentation = instrumentCache(cache, { meter: provider.getMeter("test") });
    return () => instrumentation.stop();
  },
  listened: (cache: Cache) => cache.on("entry:hit", () => {}),
} satisfies Record<string, (cache: Cache) => () => void>;
type Arm = keyof typeof ARMS;

it("costs a hit in process next to nothing", async () => {
  // One cache for all arms: two that are alike differ by a tenth already, for where their entries lie.
  const cache = await fill();
  const names = Object.keys(ARMS) as Arm[];
  const times: Record<Arm, number[]> = { plain: [], again: [], instrumented: [], listened: [] };
  for (let round = -2; round < ROUNDS; round++) {
    // Each arm comes first, second … equally often.
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + 2 + turn) % names.length] as Arm;
      const off = ARMS[name](cache);
      const ns = await measure(cache);
      // As an exporter does.
      if (name === "instrumented" && round % 10 === 0) await reader.collect();
      off();
      if (round >= 0) times[name].push(ns);
    }
  }
  const ratio = (name: Arm) => median(times[name].map((ns, round) => ns / (times.plain[round] as number)));
  const figures = Object.fromEntries(
    names.map((name) => [name, { ns: Math.round(median(times[name])), ratio: ratio(name).toFixed(3) }]),
  );
  if (process.env.OTEL_ROUNDS) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  // 1.05 is the promise; a short run on a shared machine is allowed more.
  expect(ratio("instrumented"), JSON.stringify(figures)).toBeLessThan(process.env.OTEL_ROUNDS ? 1.05 : 1.2);
  expect((await cache.getStats()).l1?.hits).toBe((ROUNDS + 2) * names.length * READS);
}, 240_000);

it("a collection of 10,000 entries that were all hit takes a few milliseconds", async () => {
  const cache = createCache({ store: memoryStore(), memory: true });
  caches.push(cache);
  await cache.ready();
  const keys = Array.from({ length: 10_000 }, (_, at) => `deals:${at}`);
  for (const key of keys) await cache.getOrSet(key, () => 1);
  const counts = new Map<string, number>();
  const counting = cache.internals.countReads((key, _, count) => {
    counts.set(key, (counts.get(key) ?? 0) + count);
  });
  const times: number[] = [];
  for (let round = 0; round < 20; round++) {
    for (const key of keys) await cache.get(key);
    const startedAt = performance.now();
    counting.collect();
    times.push(performance.now() - startedAt);
  }
  expect([counts.size, counts.get("deals:9999")]).toEqual([10_000, 20]);
  if (process.env.OTEL_ROUNDS) process.stdout.write(`collection: ${median(times).toFixed(2)} ms\n`);
  expect(median(times)).toBeLessThan(50);
});
