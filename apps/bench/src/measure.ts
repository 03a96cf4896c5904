import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./statistics.ts";

/**
 * Throughput is the median over windows of this length: work of others on the same machine, and what a contender
 * does seldom, show in p99 and in the CPU time instead.
 */
const WINDOW_MS = 25;

export interface Load {
  readonly ops: number;
  readonly opsPerSecond: number;
  /** CPU time of the whole process, garbage collection included. */
  readonly cpuUs: number;
}

export interface TimedLoad extends Load {
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Awaits one call after the other. */
export async function measureSequential(call: (i: number) => unknown, durationMs: number): Promise<Load> {
  const windows = new Windows(durationMs);
  let ops = 0;
  do {
    for (let i = 0; i < 256; i++) await call(ops + i);
    ops += 256;
  } while (windows.count(256, performance.now()));
  return windows.end();
}

/** Calls without awaiting: only for synchronous contenders. */
export async function measureSynchronous(call: (i: number) => unknown, durationMs: number): Promise<Load> {
  const windows = new Windows(durationMs);
  let ops = 0;
  let found = 0;
  do {
    for (let i = 0; i < 4096; i++) if (call(ops + i) !== undefined) found++;
    ops += 4096;
  } while (windows.count(4096, performance.now()));
  if (found !== ops) throw new Error(`${ops - found} misses`);
  return windows.end();
}

/** Keeps `inFlight` calls under way. */
export async function measureLoad(
  call: (i: number) => Promise<unknown>,
  inFlight: number,
  durationMs: number,
): Promise<TimedLoad> {
  const latencies: number[] = [];
  const windows = new Windows(durationMs);
  let next = 0;
  const worker = async () => {
    let began = performance.now();
    let now: number;
    do {
      await call(next++);
      now = performance.now();
      latencies.push(now - began);
      began = now;
    } while (windows.count(1, now));
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const load = windows.end();
  latencies.sort((a, b) => a - b);
  const at = (quantile: number) => latencies[Math.floor(quantile * (latencies.length - 1))]! * 1000;
  return { ...load, p50Us: at(0.5), p99Us: at(0.99) };
}

/**
 * Runs calls for at least the duration, and until the compiler has seen enough of them, but at most 6 seconds. Calls of
 * the limiter over one connection were seen to grow faster up to some 50,000; every contender has as many.
 */
export async function warmUp(
  call: (i: number) => Promise<unknown>,
  inFlight: number,
  durationMs: number,
): Promise<void> {
  for (
    let ops = 0, spentMs = 0;
    spentMs < durationMs || (durationMs >= 1_000 && ops < 60_000 && spentMs < 6_000);
    spentMs += 200
  ) {
    ops += (await measureLoad(call, inFlight, 200)).ops;
  }
}

/** Makes `count` writes, 64 at a time, each until the contender no longer says that it was not stored. */
export async function writeAll(count: number, write: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const i = next++;
      for (let attempt = 1; (await write(i)) === false; attempt++) {
        if (attempt === 100) throw new Error("a write was refused 100 times");
        await sleep(50);
      }
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}

class Windows {
  readonly #start = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #end: number;
  readonly #throughputs: number[] = [];
  #ops = 0;
  #windowOps = 0;
  #windowStart = this.#start;

  constructor(durationMs: number) {
    this.#end = this.#start + durationMs;
  }

  /** Returns whether to go on. */
  count(ops: number, now: number): boolean {
    this.#ops += ops;
    this.#windowOps += ops;
    const elapsed = now - this.#windowStart;
    if (elapsed >= WINDOW_MS) {
      this.#throughputs.push((this.#windowOps / elapsed) * 1000);
      this.#windowOps = 0;
      this.#windowStart = now;
    }
    return now < this.#end;
  }

  end(): Load {
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      ops: this.#ops,
      opsPerSecond: median(this.#throughputs),
      cpuUs: (user + system) / this.#ops,
    };
  }
}
