import type { EntityEventInput } from "@crm/cache-invalidator";
import type { Company, Deal } from "../db/schema.ts";
import { analyticsService } from "./analytics-service.ts";

// The aggregates are counted from a few columns. A write that changes none of them leaves them cached: they depend on these columns
// (`track("deal-figures")`), and not on the rows as a whole.
const COUNTED_OF_DEALS = [
  ...(["stage", "engageDate", "closeDate", "closeValue"] as const),
  ...(["companyId", "userId", "productId"] as const),
] satisfies readonly (keyof Deal)[];
const COUNTED_OF_COMPANIES = ["sector"] satisfies readonly (keyof Company)[];

/** What the change of a deal says besides: that figures have moved, when they have. */
export const dealFiguresMoved = (before: Deal, after: Deal): EntityEventInput[] =>
  COUNTED_OF_DEALS.some((column) => before[column] !== after[column])
    ? [moved("deal-figures", after.id)]
    : [];

/** As `dealFiguresMoved`, of a company. */
export const companyFiguresMoved = (before: Company, after: Company): EntityEventInput[] =>
  COUNTED_OF_COMPANIES.some((column) => before[column] !== after[column]) ? [moved("sectors", after.id)] : [];

const OF_ENTITY: Readonly<Record<string, string>> = {
  deals: "deal-figures",
  companies: "sectors",
};

/** A row that is new or gone moves whatever it was or will be counted in. */
export const rowFiguresMoved = (entity: string, id: string): EntityEventInput[] =>
  OF_ENTITY[entity] === undefined ? [] : [moved(OF_ENTITY[entity], id)];

const FIGURES = new Set(Object.values(OF_ENTITY));

/** Whether an event of this entity takes aggregates away. */
export const movesFigures = (entity: string): boolean => FIGURES.has(entity);

const moved = (entityType: string, entityId: string): EntityEventInput => ({
  ...{ event: "entity:updated", entityType, entityId },
});

let counting: Promise<void> | undefined;
let again = false;

/**
 * Counts the aggregates again at once, in the background, so that a reader seldom has to wait for it. One at a time, however many
 * writes come meanwhile. A write that comes in between takes the lease of the fill away, so nothing old is stored.
 */
export function countAgain(): Promise<void> {
  if (counting !== undefined) {
    again = true;
    return counting;
  }
  counting = (async () => {
    do {
      again = false;
      const { pipeline, revenueBySector, leaderboard } = analyticsService;
      for (const read of [pipeline, revenueBySector, leaderboard]) await read();
    } while (again);
  })()
    // Nobody waits for it: whoever asks next counts, and is told what is wrong.
    .catch(() => {})
    .finally(() => {
      counting = undefined;
    });
  return counting;
}
