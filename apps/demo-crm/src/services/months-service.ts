import { cache, invalidateOnCreate, locks } from "../cache/index.ts";
import { monthQueries } from "../db/queries/months.ts";
import type { ClosedMonth } from "../db/schema.ts";
import { afterCommit } from "./after-commit.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";

class MonthsService {
  async listClosed(): Promise<ApiResponse<ClosedMonth[]>> {
    return successResponse(await cache.getOrSet("months:closed", monthQueries.findClosed, "1h"));
  }

  /** Once: whoever comes while it is being closed is told so at once, and does not count it again. */
  async close(month: string, userId: string): Promise<ApiResponse<ClosedMonth>> {
    await using lock = await locks.tryAcquire(`months:${month}`, { ttl: "30s" });
    if (!lock) return Errors.Conflict(`Somebody else is closing ${month}`).toResponse();
    const closed = await monthQueries.close(month, { userId, fence: lock.fence });
    if (!closed) return Errors.Conflict(`${month} is closed already`).toResponse();
    return successResponse(closed, await afterCommit(() => invalidateOnCreate("months", month, closed)));
  }
}

export const monthsService = new MonthsService();
