import { randomInt } from "node:crypto";
import { cache } from "../cache/index.ts";
import { isForeignKeyViolation } from "../db/constraint-error.ts";
import { applyChange, type Change } from "../db/queries/change.ts";
import {
  type DealFilter,
  type DealValues,
  type DealView,
  dealQueries,
  type NewDealValues,
} from "../db/queries/deals.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import type { Deal } from "../db/schema.ts";
import { afterEvents, removedWith } from "./after-commit.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";
import { dealFiguresMoved, rowFiguresMoved } from "./figures.ts";

const CACHE_TTL = 300;
const CACHE_PREFIX = "deals";

/** The fields of a deal contradict one another. */
class DealRuleError extends Error {}

class DealsService {
  async getDealById(id: string): Promise<ApiResponse<DealView>> {
    const deal = await cache.getOrSet(`${CACHE_PREFIX}:${id}`, () => dealQueries.findById(id), CACHE_TTL);

    if (!deal) return Errors.NotFound("Deal").toResponse();
    return successResponse(deal);
  }

  async listDeals(request: PageRequest, filter: DealFilter): Promise<ApiResponse<Page<DealView>>> {
    const { stage = "", company = "", user = "" } = filter;
    const page = await cache.getOrSet(
      `${CACHE_PREFIX}:list:${[request.page, request.limit, stage, company, user].join(":")}`,
      () => dealQueries.findAll(request, filter),
      CACHE_TTL,
    );
    return successResponse(page);
  }

  async updateDeal(id: string, data: Change<DealValues>): Promise<ApiResponse<DealView>> {
    let written: { before: Deal; after: Deal } | null;
    try {
      written = await dealQueries.update(id, (before) => {
        const broken = brokenRule(applyChange<DealValues>(before, data));
        if (broken) throw new DealRuleError(broken);
        return data;
      });
    } catch (error) {
      if (error instanceof DealRuleError) return Errors.Unprocessable(error.message).toResponse();
      if (isForeignKeyViolation(error))
        return Errors.Unprocessable("The company does not exist").toResponse();
      throw error;
    }
    if (!written) return Errors.NotFound("Deal").toResponse();

    const { before, after } = written;
    // A deal that moves changes the figures of the company it leaves as well.
    const companyIds = [before.companyId, after.companyId].filter((company) => company !== null);
    const event = "entity:updated";
    const write = await afterEvents([
      { event, entityType: "deals", entityId: id, data: { ...after, companyIds } },
      ...dealFiguresMoved(before, after),
    ]);
    // Read again for the names. Should somebody have changed it meanwhile, the client sees the newer state.
    const deal = await dealQueries.findById(id);
    return deal ? successResponse(deal, write) : Errors.NotFound("Deal").toResponse();
  }

  async createDeal(data: NewDealValues): Promise<ApiResponse<DealView>> {
    const broken = brokenRule(data);
    if (broken) return Errors.Unprocessable(broken).toResponse();
    const id = newDealId();
    try {
      await dealQueries.create(id, data);
    } catch (error) {
      if (isForeignKeyViolation(error))
        return Errors.Unprocessable("The user, the product or the company does not exist").toResponse();
      throw error;
    }
    const write = await afterEvents([
      { event: "entity:created", entityType: "deals", entityId: id, data: figuresOf(data) },
      ...rowFiguresMoved("deals", id),
    ]);
    const deal = await dealQueries.findById(id);
    return deal ? successResponse(deal, write) : Errors.NotFound("Deal").toResponse();
  }

  async deleteDeal(id: string): Promise<ApiResponse<{ id: string }>> {
    const removed = await dealQueries.delete(id);
    if (!removed) return Errors.NotFound("Deal").toResponse();
    const row = { ...removed.row, ...figuresOf(removed.row) };
    return successResponse({ id }, await removedWith("deals", row, removed.affected));
  }
}

/** Whose figures a deal counts in. An empty list says nobody's; a missing one would say everybody's. */
const figuresOf = ({ userId, companyId }: Pick<Deal, "userId" | "companyId">) => ({
  userId,
  companyIds: companyId === null ? [] : [companyId],
});

/** As the source names its opportunities: eight letters and digits. */
const newDealId = () =>
  Array.from({ length: 8 }, () => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[randomInt(36)]).join("");

function brokenRule(deal: DealValues): string | undefined {
  const closed = deal.stage === "Won" || deal.stage === "Lost";
  if (closed && (deal.closeDate === null || deal.closeValue === null))
    return `A deal that is ${deal.stage} needs a closeDate and a closeValue`;
  if (!closed && (deal.closeDate !== null || deal.closeValue !== null))
    return `A deal in ${deal.stage} is open: closeDate and closeValue must be null`;
  if (deal.stage === "Engaging" && deal.engageDate === null) return "A deal in Engaging needs an engageDate";
  if (deal.closeDate !== null && deal.engageDate !== null && deal.closeDate < deal.engageDate)
    return "A deal cannot close before it engages";
  return undefined;
}

export const dealsService = new DealsService();
