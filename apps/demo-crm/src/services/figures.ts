import type { EntityEventInput } from "@crm/cache-invalidator";
import { cache } from "../cache/index.ts";
import type { Company, Deal } from "../db/schema.ts";
import { OPTIONS } from "./analytics-service.ts";
import { countFigure, DEPENDS_ON, FIGURE_KEYS, type Figure, keepCopies } from "./count-figure.ts";

// The aggregates are counted from a few columns. A write that changes none of them leaves them cached: they go with `deal-figures` and
// `sectors`, and not with the rows (cache/rules.ts).
const COUNTED_OF_DEALS = [
  ...(["stage", "engageDate", "closeDate", "closeValue"] as const),
  ...(["companyId", "userId", "productId"] as const),
] satisfies readonly (keyof Deal)[];
const COUNTED_OF_COMPANIES = ["sector"] satisfies readonly (keyof Company)[];
const FIGURES: Readonly<Record<string, string>> = { deals: "deal-figures", companies: "sectors" };

/** What the change of a deal says besides: that figures have moved, when they have. */
export const dealFiguresMoved = (before: Deal, after: Deal): EntityEventInput[] =>
  COUNTED_OF_DEALS.some((column) => before[column] !== after[column])
    ? rowFiguresMoved("deals", after.id)
    : [];

/** As `dealFiguresMoved`, of a company. */
export const companyFiguresMoved = (before: Company, after: Company): EntityEventInput[] =>
  COUNTED_OF_COMPANIES.some((column) => before[column] !== after[column])
    ? rowFiguresMoved("companies", after.id)
    : [];

/** A row that is new or gone moves whatever it is or was counted in. */
export function rowFiguresMoved(entity: string, entityId: string): EntityEventInput[] {
  const entityType = FIGURES[entity];
  return entityType === undefined ? [] : [{ event: "entity:updated", entityType, entityId }];
}

/** Whether `countAgain` has to follow an event. */
export const needsCounting = ({ entityType }: EntityEventInput): boolean =>
  entityType === FIGURES.deals || entityType === FIGURES.companies;

/** Whether figures may be others after an event, in a write that counts them again or one that only removes them. */
export const movesFigures = (event: EntityEventInput): boolean =>
  needsCounting(event) || event.entityType === "users";

const ATTEMPTS = 5;

/**
 * Counts the aggregates again, between a write's invalidation and its acknowledgement. Its rule is soft: until then readers have the old
 * figures, which nobody has been told are old, and none of them waits for a query. Afterwards nobody has them: either a
 * fresh entry is there, whose query began after the invalidation, since that takes the leases of all fills under way; or there is none.
 *
 * @throws {InvalidationPendingError} the store is away: they are removed when it is back
 */
export async function countAgain(): Promise<void> {
  await Promise.all(
    (Object.keys(FIGURE_KEYS) as Figure[]).map(async (figure) => {
      const isCounted = await count(figure).catch(() => false);
      if (!isCounted) await cache.del(FIGURE_KEYS[figure]);
    }),
  );
}

async function count(figure: Figure): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await using lease = await cache.lease(FIGURE_KEYS[figure]);
    // Somebody has counted it since.
    if (lease.value !== undefined) return true;
    const fresh = await countFigure(figure);
    // Refused when another write came meanwhile, whose figures are to be counted as well.
    if (await lease.fill(fresh, { ...OPTIONS, dependsOn: [...DEPENDS_ON[figure]] })) return true;
  }
  return false;
}

/**
 * For an invalidation that is retried later: old figures are not to be seen then, not even once. Who reads from the database meanwhile finds
 * them counted.
 */
export async function removeFigures(): Promise<void> {
  await Promise.allSettled([cache.del(...Object.values(FIGURE_KEYS)), keepCopies()]);
}
