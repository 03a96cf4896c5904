import { cache } from "../cache/index.ts";
import type { LeaderboardEntry, PipelineStage, SectorRevenue } from "../db/queries/aggregates.ts";
import { type ApiResponse, successResponse } from "./api-response.ts";
import { FIGURE_KEYS, type Figure, fetchFigure, findCopy, type Rows } from "./count-figure.ts";

// Nothing here is stale after a write (figures.ts). `staleTtl` means that a reader who comes after five quiet minutes, or while a
// write is about to be acknowledged, does not wait for the query.
export const OPTIONS = { ttl: "5m", staleTtl: "10m" } as const;

class AnalyticsService {
  async pipeline(): Promise<ApiResponse<PipelineStage[]>> {
    return successResponse(await read("pipeline"));
  }

  async revenueBySector(): Promise<ApiResponse<SectorRevenue[]>> {
    return successResponse(await read("revenueBySector"));
  }

  async leaderboard(): Promise<ApiResponse<LeaderboardEntry[]>> {
    return successResponse(await read("leaderboard"));
  }
}

const read = async <F extends Figure>(figure: F): Promise<Rows<F>> =>
  (await findCopy(figure)) ?? cache.getOrSet(FIGURE_KEYS[figure], () => fetchFigure(figure), OPTIONS);

export const analyticsService = new AnalyticsService();
