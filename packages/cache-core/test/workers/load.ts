import { type Cache, CacheError } from "../../src/index.ts";
import { Stalls } from "./stalls.ts";

/** What a batch of reads cost beyond their fetcher and beyond stalls of the machine, in ms. */
export interface Costs {
  readonly overheads: number[];
  readonly fetches: number;
}

export interface LoadOptions {
  readonly calls: number;
  /** How many run at once. */
  readonly parallel: number;
  /** Makes the keys differ from those of other batches; one key for all calls when `sameKey`. */
  readonly label: string;
  readonly sameKey?: boolean | undefined;
  /** How long the source takes. */
  readonly fetchMs?: number | undefined;
}

/** Cold reads: what `getOrSet` costs beyond its fetcher. */
export async function coldReads(cache: Cache, options: LoadOptions): Promise<Costs> {
  const { calls, parallel, label, sameKey = false, fetchMs = 0 } = options;
  const overheads: number[] = [];
  let fetches = 0;
  let next = 0;
  const stalls = new Stalls();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let i = next++; i < calls; i = next++) {
        const key = sameKey ? `cold:${label}` : `cold:${label}:${i}`;
        let fetched = 0;
        const began = performance.now();
        const value = await cache.getOrSet(
          key,
          async () => {
            fetches++;
            const start = performance.now();
            if (fetchMs > 0) await new Promise((resolve) => setTimeout(resolve, fetchMs));
            fetched = performance.now() - start;
            return { key };
          },
          { ttl: "30s", tags: ["cold"] },
        );
        if ((value as { key: string }).key !== key) throw new Error(`${key}: a wrong value`);
        const ended = performance.now();
        overheads.push(ended - began - stalls.within(began, ended) - (fetched === 0 ? fetchMs : fetched));
      }
    }),
  );
  stalls.stop();
  return { overheads, fetches };
}

/** How each kind of call ends while the store is sick, and after how long. */
export async function settleAll(
  cache: Cache,
  label: string,
): Promise<Record<string, { ms: number; end: string }>> {
  const ends: Record<string, { ms: number; end: string }> = {};
  const run = async (name: string, call: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    let end: string;
    try {
      end = JSON.stringify(await call()) ?? "undefined";
    } catch (error) {
      end = CacheError.isInstance(error) ? error.code : String(error);
    }
    ends[name] = { ms: performance.now() - began, end };
  };
  await Promise.all([
    run("get", () => cache.get(`gone:${label}`)),
    run("getMany", () => cache.getMany([`gone:${label}`, "other"])),
    run("set", () => cache.set(`set:${label}`, "late", { ttl: "30s" })),
    run("setMany", () => cache.setMany([{ key: `many:${label}`, value: 1, ttl: "30s" }])),
    run("del", () => cache.del(`gone:${label}`)),
    run("invalidateByTag", () => cache.invalidateByTag(`tag:${label}`)),
    run("invalidatePattern", () => cache.invalidatePattern(`pattern:${label}:*`)),
    run("getOrSetMany", () =>
      cache.getOrSetMany([`m1:${label}`, `m2:${label}`], async (keys) => keys.map(() => 1), "30s"),
    ),
    run("lookup", () => cache.lookup(`gone:${label}`)),
    run("exists", () => cache.exists(`gone:${label}`)),
    run("getStats", async () => (await cache.getStats()) && true),
    run("publish", () => cache.publish("channel", 1)),
  ]);
  return ends;
}

/** Milliseconds until `check` holds; it is asked again and again. */
export async function until(check: () => Promise<boolean> | boolean, timeoutMs: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    if (await check()) return performance.now() - began;
    if (performance.now() - began > timeoutMs) return Number.POSITIVE_INFINITY;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What each of so many calls costs, in ms. */
export async function costs(calls: number, call: () => Promise<unknown>): Promise<number[]> {
  const stalls = new Stalls();
  const found: number[] = [];
  for (let i = 0; i < calls; i++) {
    const began = performance.now();
    await call();
    const ended = performance.now();
    found.push(ended - began - stalls.within(began, ended));
  }
  stalls.stop();
  return found;
}
