import { cache, cacheWarmer, performStartupWarming } from "../../src/cache/index.ts";
import { analyticsService } from "../../src/services/analytics-service.ts";
import { companiesService } from "../../src/services/companies-service.ts";
import { dealsService } from "../../src/services/deals-service.ts";

/** The first visitor after a start: cold, and warmed. */
export async function warming(): Promise<string> {
  const visit = async () => {
    const startedAt = performance.now();
    await analyticsService.pipeline();
    await analyticsService.revenueBySector();
    await analyticsService.leaderboard();
    await companiesService.listCompanies({ page: 1, limit: 20 }, {});
    await dealsService.listDeals({ page: 1, limit: 20 }, {});
    return performance.now() - startedAt;
  };
  const cold = await visit();
  await cache.clear();
  const { keysWarmed, totalTime } = await performStartupWarming();
  const warm = await visit();
  await cacheWarmer.stopBackgroundWarming();
  return `${keysWarmed} entries warmed in ${(totalTime / 1000).toFixed(1)} s; the first visit takes ${warm.toFixed(1)} ms, and ${cold.toFixed(0)} ms without.`;
}
