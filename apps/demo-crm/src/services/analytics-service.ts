import { cache } from "../cache/index.ts";
import {
  aggregateQueries,
  type LeaderboardEntry,
  type PipelineStage,
  type SectorRevenue,
} from "../db/queries/aggregates.ts";
import { type ApiResponse, successResponse } from "./api-response.ts";

// Nothing here is stale after a write (figures.ts). `staleTtl` means that a reader who comes after five quiet minutes, or while a
// write is about to be acknowledged, does not wait for the query.
export const OPTIONS = { ttl: "5m", staleTtl: "10m" } as const;

class AnalyticsService {
  async pipeline(): Promise<ApiResponse<PipelineStage[]>> {
    return successResponse(await cache.getOrSet("analytics:pipeline", aggregateQueries.pipeline, OPTIONS));
  }

  async revenueBySector(): Promise<ApiResponse<SectorRevenue[]>> {
    return successResponse(
      await cache.getOrSet("analytics:revenue-by-sector", aggregateQueries.revenueBySector, OPTIONS),
    );
  }

  async leaderboard(): Promise<ApiResponse<LeaderboardEntry[]>> {
    return successResponse(
      await cache.getOrSet("analytics:leaderboard", aggregateQueries.leaderboard, OPTIONS),
    );
  }
}

export const analyticsService = new AnalyticsService();
