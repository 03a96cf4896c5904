import { aggregateQueries } from "../../src/db/queries/aggregates.ts";
import { analyticsService } from "../../src/services/analytics-service.ts";
import { median, replace } from "./start-guide.ts";

const READERS = 100;

/** A hundred readers of the leaderboard at the same moment, nothing cached; then one after the other. */
export async function readThrough(): Promise<string> {
  const query = aggregateQueries.leaderboard;
  let queries = 0;
  const restore = replace(aggregateQueries, "leaderboard", () => {
    queries++;
    return query();
  });
  await Promise.all(Array.from({ length: READERS }, () => analyticsService.leaderboard()));
  const hit = await median(200, () => analyticsService.leaderboard());
  restore();
  const bare = await median(50, query);
  return `${READERS} readers of nothing cached: ${queries} query. Then a read takes ${hit.toFixed(2)} ms, the query ${bare.toFixed(2)} ms: ${Math.round(bare / hit)} times.`;
}
