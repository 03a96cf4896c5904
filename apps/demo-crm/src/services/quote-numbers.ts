import { invalidateOnUpdate, locks } from "../cache/index.ts";
import { issueQuote } from "../db/queries/issue-quote.ts";
import type { Quote } from "../db/schema.ts";
import { afterCommit } from "./after-commit.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";

/**
 * Issues a quote: one at a time over all instances, first come, first served, so that the database sees no contention. Should a
 * process lose its lock while it works, the fence keeps it out.
 */
export async function issueQuoteNumber(
  id: string,
  on = new Date().toISOString().slice(0, 10),
): Promise<ApiResponse<Quote>> {
  const result = await locks.withLock("quotes:number", { ttl: "10s", wait: "5s" }, ({ fence }) =>
    issueQuote(id, { on, fence }),
  );
  if (result === "missing") return Errors.NotFound("Quote").toResponse();
  if (result === "issued") return Errors.Conflict("The quote has a number already").toResponse();
  if (result === "stale")
    return Errors.Conflict("The lock was lost meanwhile and nothing was written: try again").toResponse();
  return successResponse(result, await afterCommit(() => invalidateOnUpdate("quotes", id, result)));
}
