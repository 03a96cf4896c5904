import { createCacheInvalidator } from "@crm/cache-invalidator";
import { crmRules } from "@crm/cache-rules";
import { cache, cacheInvalidator } from "../../src/cache/index.ts";
import { analyticsService } from "../../src/services/analytics-service.ts";
import { companiesService } from "../../src/services/companies-service.ts";
import { dealsService } from "../../src/services/deals-service.ts";
import { dataOf } from "./start-guide.ts";

/** What an edit of one company costs: by the table of rules, and by what the queries have recorded. */
export async function dependencies(): Promise<string> {
  const page = dataOf(await companiesService.listCompanies({ page: 1, limit: 40 }, {}));
  const edited = "konex";
  async function fill(): Promise<number> {
    for (const { id } of page.items) {
      await companiesService.getCompanyByIdV2(id);
      await companiesService.getDealsSummary(id);
    }
    await companiesService.listCompanies({ page: 1, limit: 40 }, {});
    for (const { id } of dataOf(await dealsService.listDeals({ page: 1, limit: 20 }, {})).items)
      await dealsService.getDealById(id);
    await analyticsService.leaderboard();
    return (await cache.getStats()).keys;
  }
  await cache.clear();
  const cached = await fill();
  const table = createCacheInvalidator(cache, { rules: crmRules });
  const byTable = (await table.invalidateOnUpdate("companies", edited)).keysInvalidated;
  await table.close();
  await fill();
  const byDependencies = (await cacheInvalidator.invalidateOnUpdate("companies", edited)).keysInvalidated;
  return `Of ${cached} entries, an edit of one company removes ${byTable} by the table of rules and ${byDependencies} by dependencies.`;
}
