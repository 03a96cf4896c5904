import { cache } from "../../src/cache/index.ts";
import { issueQuoteNumber } from "../../src/services/quote-numbers.ts";
import { quotesService } from "../../src/services/work-services.ts";
import { dataOf } from "./start-guide.ts";

const AT_ONCE = 12;

/** Quotes that are issued at the same moment, and more requests than a limit allows. */
export async function limitsAndLocks(): Promise<string> {
  const drafts = dataOf(await quotesService.list({ page: 1, limit: AT_ONCE }, { status: "draft" })).items;
  const issued = await Promise.all(drafts.map(({ id }) => issueQuoteNumber(id, "2031-05-01")));
  const numbers = issued.map((response) => dataOf(response).number as string).sort();
  let allowed = 0;
  for (let at = 0; at < 150; at++) if ((await cache.checkRateLimit("guide", 100, 60)).allowed) allowed++;
  return `${drafts.length} quotes issued at once: ${numbers[0]} to ${numbers.at(-1)}, ${new Set(numbers).size} different. Of 150 requests under a limit of 100, ${allowed} were allowed.`;
}
