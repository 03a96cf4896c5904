import {
  type Cache,
  type CacheOptions,
  createCache,
  type Fetcher,
  memoryStore,
  type Store,
} from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { type CacheWarmer, createCacheWarmer } from "../src/index.ts";

/** Refresh cycles of the hot key. The full run is `REFRESH_CYCLES=10000`. */
const CYCLES = Number(process.env.REFRESH_CYCLES ?? 500);
const READ_EVERY_MS = 5;
const PROCESSES = 3;

interface Outcome {
  readonly loads: number;
  /** The most loads that began while one and the same entry was there, or missing, or that overlapped. */
  readonly mostLoadsACycle: number;
  /** Readers that did not get the value in the turn in which they asked. */
  readonly waited: number;
  readonly reads: number;
  readonly refreshes: number;
}

/**
 * Processes that share a store under one fake clock read one key 200 times a second in turn. A load takes `costMs`. A reader has waited
 * when it did not have its answer before time went on.
 */
async function readHotKey(
  cycles: number,
  ttl: CacheOptions["defaults"],
  costMs: number,
  warmed: boolean,
): Promise<Outcome> {
  const clock: FakeClock = createFakeClock();
  const store: Store = memoryStore({ clock });
  const random = seededRandom("never cold");
  const release = store.retain();
  const instances: { cache: Cache; warmer: CacheWarmer | undefined }[] = [];
  for (let n = 0; n < PROCESSES; n++) {
    const cache = createCache({
      store,
      clock,
      namespace: "hot",
      defaults: ttl ?? {},
      random: () => random.int(0, 999_999) / 1e6,
    });
    instances.push({
      cache,
      warmer: warmed ? createCacheWarmer(cache, { hotKeys: { minReads: 5 } }) : undefined,
    });
  }
  let loads = 0;
  let loading = 0;
  let overlaps = 0;
  let version = 0;
  const loadsOf = new Map<number, number>();
  const fetcher: Fetcher<number> = async () => {
    loads++;
    if (++loading > 1) overlaps++;
    loadsOf.set(version, (loadsOf.get(version) ?? 0) + 1);
    await new Promise<void>((resolve) => clock.after(costMs, resolve));
    loading--;
    return ++version;
  };
  let waited = 0;
  let reads = 0;
  // The first load is nobody's fault.
  const first = (instances[0] as { cache: Cache }).cache.getOrSet("key", fetcher);
  await clock.advance(costMs + 1);
  await first;
  const pending = new Set<Promise<unknown>>();
  while (version < cycles) {
    const { cache } = instances[reads % PROCESSES] as { cache: Cache };
    let answered = false;
    const read = cache.getOrSet("key", fetcher).then(() => {
      answered = true;
    });
    pending.add(read);
    void read.finally(() => pending.delete(read));
    reads++;
    // Lets everything settle that needs no time.
    for (let turn = 0; turn < 12 && !answered; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (!answered) waited++;
    await clock.advance(READ_EVERY_MS);
  }
  let refreshes = 0;
  for (const { warmer } of instances) refreshes += warmer?.getTotals().hotRefreshes ?? 0;
  for (const { warmer, cache } of instances) {
    await warmer?.close();
    const closing = cache.close();
    await clock.advance(2_000);
    await closing;
  }
  await release();
  const mostLoadsACycle = Math.max(...loadsOf.values()) + (overlaps > 0 ? 1 : 0);
  return { loads, mostLoadsACycle, waited, reads, refreshes };
}

describe("a hot key", () => {
  it(`never makes a reader wait in ${CYCLES} cycles at 200 reads/s, and is loaded once a cycle by ${PROCESSES} processes`, async () => {
    const outcome = await readHotKey(CYCLES, { ttl: "1s" }, 20, true);
    if (process.env.WARMER_FIGURES) process.stdout.write(`hot keys ${JSON.stringify(outcome)}\n`);
    expect(outcome).toMatchObject({ waited: 0, mostLoadsACycle: 1 });
    expect(outcome.refreshes).toBeGreaterThan(CYCLES * 0.9);
  }, 3_600_000);

  it(`the same by chance alone: probabilistic early refresh, ${CYCLES} cycles`, async () => {
    const outcome = await readHotKey(CYCLES, { ttl: 3, earlyRefresh: 1 }, 300, false);
    if (process.env.WARMER_FIGURES) process.stdout.write(`early refresh ${JSON.stringify(outcome)}\n`);
    expect(outcome).toMatchObject({ waited: 0, mostLoadsACycle: 1 });
  }, 3_600_000);

  it("control arm: without either, readers wait in each cycle", async () => {
    const outcome = await readHotKey(20, { ttl: "1s" }, 20, false);
    expect(outcome.waited).toBeGreaterThanOrEqual(19);
  });
});
