import { cache } from "../cache/index.ts";
import { isForeignKeyViolation } from "../db/constraint-error.ts";
import { applyChange, type Change } from "../db/queries/change.ts";
import { type DealFilter, type DealValues, type DealView, dealQueries } from "../db/queries/deals.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import type { Deal } from "../db/schema.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";
import { invalidateAfterCommit } from "./invalidate-after-commit.ts";

const CACHE_TTL = 300;
const CACHE_PREFIX = "deals";

/** The fields of a deal contradict one another. */
class DealRuleError extends Error {}

class DealsService {
  async getDealById(id: string): Promise<ApiResponse<DealView>> {
    const deal = await cache.getOrSet<DealView | null>(
      `${CACHE_PREFIX}:${id}`,
      async (context) => {
        const found = await dealQueries.findById(id);
        // It shows the names of its company and user, so it goes when either changes. Both are known only now.
        if (found)
          context.addTags(`user:${found.userId}`, ...(found.companyId ? [`company:${found.companyId}`] : []));
        return found;
      },
      { ttl: CACHE_TTL, tags: [`deal:${id}`] },
    );

    if (!deal) return Errors.NotFound("Deal").toResponse();
    return successResponse(deal);
  }

  async listDeals(request: PageRequest, filter: DealFilter): Promise<ApiResponse<Page<DealView>>> {
    const { stage = "", company = "", user = "" } = filter;
    const page = await cache.getOrSet(
      `${CACHE_PREFIX}:list:${[request.page, request.limit, stage, company, user].join(":")}`,
      () => dealQueries.findAll(request, filter),
      { ttl: CACHE_TTL, tags: ["deals"] },
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
    const tags = ["deals", `deal:${id}`, "analytics", `user:${after.userId}:deals`];
    // A deal that moves changes the figures of the company it leaves as well.
    for (const company of [before.companyId, after.companyId])
      if (company) tags.push(`company:${company}:deals`);
    const write = await invalidateAfterCommit(tags);
    // Read again for the names. Should somebody have changed it meanwhile, the client sees the newer state.
    const deal = await dealQueries.findById(id);
    return deal ? successResponse(deal, write) : Errors.NotFound("Deal").toResponse();
  }
}

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
