import { cache } from "../cache/index.ts";
import type { LatencyWindow } from "./latency-window.ts";
import type { Percentiles } from "./percentiles.ts";
import type { Load, LoadState } from "./run-load.ts";

const HISTORY_SECONDS = 120;
const RATE_SECONDS = 10;

export interface LiveSample {
  readonly at: string;
  /** Of the last ten seconds, 0 to 1; `null` without reads. All reads of this process count, not the load's alone. */
  readonly hitRate: number | null;
  readonly hits: number;
  readonly misses: number;
  readonly keys: number;
  /** Of the store's server, as in `"15.2MB"`. */
  readonly memory: string;
  readonly connected: boolean;
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  /** Of the load's reads in the last ten seconds; misses included. */
  readonly withCache: Percentiles | null;
  readonly withoutCache: Percentiles | null;
  readonly load: LoadState;
}

export interface LiveFeed {
  /** The last two minutes, oldest first. */
  history(): readonly LiveSample[];
  /** Calls back every second until the returned function is called. */
  follow(onSample: (sample: LiveSample) => void, onEnd: () => void): () => void;
  close(): void;
}

export interface LiveFeedOptions {
  readonly load: Load;
  readonly withCache: LatencyWindow;
  readonly withoutCache: LatencyWindow;
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Takes a sample every second, and only while somebody looks or the load runs: each one asks the store for its figures. */
export function createLiveFeed({ load, withCache, withoutCache, onError }: LiveFeedOptions): LiveFeed {
  const followers = new Map<(sample: LiveSample) => void, () => void>();
  const samples: LiveSample[] = [];
  const totals: { hits: number; misses: number; reads: number; writes: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sampling = false;

  async function sample(): Promise<void> {
    // A store that answers late must not make samples pile up.
    if (sampling) return;
    sampling = true;
    try {
      const { hits, misses, keys, memory, connected } = await cache.getStats();
      const state = load.state();
      const now = { hits, misses, reads: state.reads, writes: state.writes };
      const last = totals.at(-1) ?? now;
      const first = totals.at(-RATE_SECONDS) ?? totals[0] ?? now;
      totals.push(now);
      if (totals.length > RATE_SECONDS) totals.shift();
      const asked = hits - first.hits + misses - first.misses;
      const taken: LiveSample = {
        at: new Date().toISOString(),
        hitRate: asked === 0 ? null : (hits - first.hits) / asked,
        hits,
        misses,
        keys,
        memory,
        connected,
        readsPerSecond: now.reads - last.reads,
        writesPerSecond: now.writes - last.writes,
        withCache: withCache.read(),
        withoutCache: withoutCache.read(),
        load: state,
      };
      withCache.tick();
      withoutCache.tick();
      samples.push(taken);
      if (samples.length > HISTORY_SECONDS) samples.shift();
      for (const onSample of followers.keys()) onSample(taken);
    } catch (error) {
      onError?.(error);
    } finally {
      sampling = false;
      if (followers.size === 0 && !load.state().running) rest();
    }
  }

  function rest(): void {
    clearInterval(timer);
    timer = undefined;
  }

  function wake(): void {
    // What comes after a rest is not compared with what was before it or, unseen, in between.
    totals.length = 0;
    withCache.clear();
    withoutCache.clear();
    timer = setInterval(() => void sample(), 1000);
    void sample();
  }

  return {
    history: () => samples,
    follow(onSample, onEnd) {
      followers.set(onSample, onEnd);
      if (!timer) wake();
      return () => {
        followers.delete(onSample);
      };
    },
    close() {
      rest();
      for (const onEnd of followers.values()) onEnd();
      followers.clear();
    },
  };
}
