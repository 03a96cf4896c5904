import { cache } from "../cache/index.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import { type UserPerformance, userQueries } from "../db/queries/users.ts";
import type { User } from "../db/schema.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";
import { invalidateAfterCommit } from "./invalidate-after-commit.ts";

const CACHE_TTL = 300;
const CACHE_PREFIX = "users";

class UsersService {
  async getUserById(id: string): Promise<ApiResponse<User>> {
    const user = await cache.getOrSet(`${CACHE_PREFIX}:${id}`, () => userQueries.findById(id), {
      ttl: CACHE_TTL,
      tags: [`user:${id}`],
    });
    if (!user) return Errors.NotFound("User").toResponse();
    return successResponse(user);
  }

  async listUsers(request: PageRequest): Promise<ApiResponse<Page<User>>> {
    const page = await cache.getOrSet(
      `${CACHE_PREFIX}:list:${request.page}:${request.limit}`,
      () => userQueries.findAll(request),
      { ttl: CACHE_TTL, tags: ["users"] },
    );
    return successResponse(page);
  }

  async getPerformance(id: string): Promise<ApiResponse<UserPerformance>> {
    const performance = await cache.getOrSet(
      `${CACHE_PREFIX}:${id}:deals-summary`,
      () => userQueries.summarizeDeals(id),
      { ttl: CACHE_TTL, tags: [`user:${id}:deals`] },
    );
    return successResponse(performance);
  }

  async updateUser(
    id: string,
    data: { manager?: string | undefined; office?: string | undefined },
  ): Promise<ApiResponse<User>> {
    const user = await userQueries.update(id, data);
    if (!user) return Errors.NotFound("User").toResponse();
    // After the commit, and the leaderboard shows manager and office.
    return successResponse(user, await invalidateAfterCommit(["users", `user:${id}`, "analytics"]));
  }
}

export const usersService = new UsersService();
