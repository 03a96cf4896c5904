import { cache } from "../cache/index.ts";
import type { Change } from "../db/queries/change.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import { type UserPerformance, type UserValues, userQueries } from "../db/queries/users.ts";
import type { User } from "../db/schema.ts";
import { slug } from "../db/slug.ts";
import { afterEvents, removedWith } from "./after-commit.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";

const CACHE_TTL = 300;
const CACHE_PREFIX = "users";

class UsersService {
  async getUserById(id: string): Promise<ApiResponse<User>> {
    const user = await cache.getOrSet(`${CACHE_PREFIX}:${id}`, () => userQueries.findById(id), CACHE_TTL);
    if (!user) return Errors.NotFound("User").toResponse();
    return successResponse(user);
  }

  async listUsers(request: PageRequest): Promise<ApiResponse<Page<User>>> {
    const page = await cache.getOrSet(
      `${CACHE_PREFIX}:list:${request.page}:${request.limit}`,
      () => userQueries.findAll(request),
      CACHE_TTL,
    );
    return successResponse(page);
  }

  async getPerformance(id: string): Promise<ApiResponse<UserPerformance>> {
    const performance = await cache.getOrSet(
      `${CACHE_PREFIX}:${id}:deals-summary`,
      () => userQueries.summarizeDeals(id),
      CACHE_TTL, // It goes with the deals: see `user-figures` in cache/rules.ts.
    );
    return successResponse(performance);
  }

  async createUser(data: UserValues): Promise<ApiResponse<User>> {
    const id = slug(data.name);
    if (!id)
      return Errors.Unprocessable(
        "The name must contain a letter or a digit of the Latin alphabet",
      ).toResponse();
    const user = await userQueries.create(id, data);
    if (!user) return Errors.Conflict(`A user with the id "${id}" exists already`).toResponse();
    return successResponse(
      user,
      await afterEvents([{ event: "entity:created", entityType: "users", entityId: id, data: user }]),
    );
  }

  async updateUser(id: string, data: Change<UserValues>): Promise<ApiResponse<User>> {
    const user = await userQueries.update(id, data);
    if (!user) return Errors.NotFound("User").toResponse();
    return successResponse(
      user,
      await afterEvents([{ event: "entity:updated", entityType: "users", entityId: id, data: user }]),
    );
  }

  /** The rules end the user's sessions as well, and nobody else's. */
  async deleteUser(id: string): Promise<ApiResponse<{ id: string }>> {
    const result = await userQueries.delete(id);
    if (!result) return Errors.NotFound("User").toResponse();
    if ("deals" in result)
      return Errors.Conflict(`The user has ${result.deals} deals, and each deal needs one`).toResponse();
    return successResponse({ id }, await removedWith("users", result.row, result.affected));
  }
}

export const usersService = new UsersService();
