import { track } from "@crm/cache-core";
import { cache } from "../cache/index.ts";
import { store } from "../cache/store.ts";
import { aggregateQueries } from "../db/queries/aggregates.ts";
import { figureCopyQueries } from "../db/queries/figure-copies.ts";

/** Where the cache keeps them. */
export const FIGURE_KEYS = {
  pipeline: "analytics:pipeline",
  revenueBySector: "analytics:revenue-by-sector",
  leaderboard: "analytics:leaderboard",
} as const;
export type Figure = keyof typeof FIGURE_KEYS;
export type Rows<F extends Figure> = Awaited<ReturnType<(typeof aggregateQueries)[F]>>;

/** What a figure depends on besides the deals, which have a rule of their own (cache/rules.ts). */
export const DEPENDS_ON: Readonly<Record<Figure, readonly string[]>> = {
  pipeline: [],
  revenueBySector: ["sectors"],
  leaderboard: ["users"],
};

/** Asks the database, and leaves it a copy of the answer for those who will have no cache. */
export async function countFigure<F extends Figure>(figure: F): Promise<Rows<F>> {
  // Before the count. A write after it makes the copy one of an older version, which nobody finds.
  const version = await figureCopyQueries.version();
  const rows = await aggregateQueries[figure]();
  await figureCopyQueries.keep(figure, version, rows);
  return rows as Rows<F>;
}

/** When the store is back, what was written meanwhile is removed from it: that is then fetched once more, by everybody at about the same time. */
const SETTLING_MS = 10_000;
let backAt = Number.NEGATIVE_INFINITY;
cache.on("store:up", () => {
  backAt = performance.now();
});
const isAway = () => !store.available || performance.now() - backAt < SETTLING_MS;

/** What the cache fetches, and keeps. Its store may be there when it comes to that, so no copy is good enough of which something has moved since. */
export async function fetchFigure<F extends Figure>(figure: F): Promise<Rows<F>> {
  if (!isAway()) return aggregateQueries[figure]() as Promise<Rows<F>>;
  for (const entity of DEPENDS_ON[figure]) track(entity);
  return (await figureCopyQueries.findCurrent<Rows<F>>(figure)) ?? countFigure(figure);
}

/**
 * For who reads while the store is away, when everybody would have to count: a copy, in less than a hundredth of that time. It has all
 * that was acknowledged; `undefined` when there is a store, or no such copy.
 */
export const findCopy = async <F extends Figure>(figure: F): Promise<Rows<F> | undefined> =>
  store.available ? undefined : figureCopyQueries.findAcknowledged<Rows<F>>(figure);

/** Between a write whose invalidation is pending and its acknowledgement: who reads without a cache then finds the figures counted. */
export async function keepCopies(): Promise<void> {
  await Promise.allSettled((Object.keys(FIGURE_KEYS) as Figure[]).map(countFigure));
}
