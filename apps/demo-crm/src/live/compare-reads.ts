import { cache } from "../cache/index.ts";
import { type MeasuredRead, measuredReads } from "./measured-reads.ts";
import { type Percentiles, percentiles, round } from "./percentiles.ts";

export interface Comparison {
  readonly measuredAt: string;
  readonly durationMs: number;
  /** Asked for, and measured for every read; fewer when the time was up. */
  readonly pairsAsked: number;
  readonly pairs: number;
  readonly reads: readonly ReadComparison[];
}

export interface ReadComparison {
  readonly name: string;
  readonly key: string;
  readonly hit: Percentiles;
  /** Query and fill, with nothing in the cache: what the first reader pays. */
  readonly miss: Percentiles;
  readonly withoutCache: Percentiles;
  /** Median without the cache / median of a hit. */
  readonly ratio: number;
}

export interface CompareOptions {
  readonly pairs: number;
  /** No round begins later than this. @default 8_000 */
  readonly budgetMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const representative = (): MeasuredRead[] => [
  measuredReads.company("hottechi"),
  measuredReads.companyByHand("hottechi"),
  measuredReads.companyDeals("hottechi"),
  measuredReads.companyList(1),
  measuredReads.deal("1C1I7A6R"),
  measuredReads.dealList(1),
  measuredReads.pipeline(),
  measuredReads.revenueBySector(),
  measuredReads.leaderboard(),
];

/**
 * Measures each read with and without the cache, alternating, one at a time, in this process. Which of the two goes
 * first changes from round to round, and rounds go over all reads in turn, so that a slow moment of the machine falls
 * on both sides. The times are those of the services: no HTTP, no JSON for a client.
 */
export async function compareReads({ pairs, budgetMs = 8_000, signal }: CompareOptions): Promise<Comparison> {
  const startedAt = performance.now();
  const measured = representative().map((read) => ({
    read,
    hit: [] as number[],
    miss: [] as number[],
    withoutCache: [] as number[],
  }));
  for (const { read } of measured) {
    await read.withCache();
    await read.withoutCache();
  }

  let round_ = 0;
  while (round_ < pairs && (round_ === 0 || performance.now() - startedAt < budgetMs)) {
    for (const { read, hit, miss, withoutCache } of measured) {
      signal?.throwIfAborted();
      await cache.del(read.key);
      miss.push(await time(read.withCache));
      if (round_ % 2 === 0) {
        hit.push(await time(read.withCache));
        withoutCache.push(await time(read.withoutCache));
      } else {
        withoutCache.push(await time(read.withoutCache));
        hit.push(await time(read.withCache));
      }
    }
    round_++;
    // Other requests have their turn between two rounds.
    await new Promise((resolve) => setImmediate(resolve));
  }

  return {
    measuredAt: new Date().toISOString(),
    durationMs: Math.round(performance.now() - startedAt),
    pairsAsked: pairs,
    pairs: round_,
    reads: measured.map(({ read, ...samples }) => {
      const hit = percentiles(samples.hit)!;
      const withoutCache = percentiles(samples.withoutCache)!;
      const ratio = Math.round((withoutCache.p50 / Math.max(hit.p50, 0.001)) * 10) / 10;
      return { name: read.name, key: read.key, hit, miss: percentiles(samples.miss)!, withoutCache, ratio };
    }),
  };
}

async function time(read: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await read();
  return round(performance.now() - startedAt);
}
