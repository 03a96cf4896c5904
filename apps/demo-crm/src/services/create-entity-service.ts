import type { CrmEntity } from "@crm/cache-rules";
import { cache, cacheManager, invalidateOnCreate, invalidateOnUpdate } from "../cache/index.ts";
import { isForeignKeyViolation } from "../db/constraint-error.ts";
import { applyChange, type Change } from "../db/queries/change.ts";
import type { EntityQueries, EntityRow } from "../db/queries/entity-queries.ts";
import type { Page, PageRequest } from "../db/queries/page.ts";
import { afterCommit, removedWith } from "./after-commit.ts";
import { type ApiResponse, Errors, successResponse } from "./api-response.ts";
import { listKey } from "./list-key.ts";

const CACHE_TTL = 300;

/** What every entity of the CRM can be asked for, in the shape of its `CompaniesService`. */
export interface EntityService<Row extends EntityRow, Values, Filter> {
  /** By hand: the lease is taken before the query, so a row that changes meanwhile is not stored. */
  getById(id: string): Promise<ApiResponse<Row>>;
  /** The same with `getOrSet`, which also makes concurrent callers share one query. What the API uses. */
  getByIdV2(id: string): Promise<ApiResponse<Row>>;
  list(request: PageRequest, filter: Filter): Promise<ApiResponse<Page<Row>>>;
  create(values: Values): Promise<ApiResponse<Row>>;
  update(id: string, change: Change<Values>): Promise<ApiResponse<Row>>;
  delete(id: string): Promise<ApiResponse<{ id: string }>>;
}

export interface EntityServiceOptions<Row extends EntityRow, Values, Filter> {
  /** Also the prefix of its keys. */
  readonly entity: CrmEntity;
  /** For people: `Contact`. */
  readonly title: string;
  readonly queries: EntityQueries<Row, Values, Filter>;
  /** Why a row cannot be written as it would become; `undefined` when it can. `before` is absent for a new one. */
  wrongWith?(values: Values, before: Row | undefined): string | undefined;
}

/** Fields of a row contradict one another. Thrown inside a transaction, so that nothing is written. */
class RowRuleError extends Error {}

/**
 * The service of an entity. Ids come from URLs: callers must have checked them before they become part of a key.
 * Writes commit first and invalidate then; see `afterCommit`.
 */
export function createEntityService<Row extends EntityRow, Values extends object, Filter extends object>(
  options: EntityServiceOptions<Row, Values, Filter>,
): EntityService<Row, Values, Filter> {
  const { entity, title, queries, wrongWith } = options;
  const missing = () => Errors.NotFound(title).toResponse();

  return {
    async getById(id) {
      await using lease = await cache.lease<Row>(`${entity}:${id}`);
      if (lease.value !== undefined) return successResponse(lease.value);

      const row = await queries.findById(id);
      if (!row) return missing();

      await lease.fill(row, { ttl: CACHE_TTL, dependsOn: [[entity, id]] });
      return successResponse(row);
    },

    async getByIdV2(id) {
      const row = await cacheManager.getOrSet(`${entity}:${id}`, () => queries.findById(id), CACHE_TTL);
      return row ? successResponse(row) : missing();
    },

    async list(request, filter) {
      const page = await cacheManager.getOrSet(
        listKey(entity, request, filter),
        () => queries.findAll(request, filter),
        CACHE_TTL,
      );
      return successResponse(page);
    },

    async create(values) {
      const wrong = wrongWith?.(values, undefined);
      if (wrong) return Errors.Unprocessable(wrong).toResponse();
      return refusingReferences(async () => {
        const row = await queries.create(values);
        return successResponse(row, await afterCommit(() => invalidateOnCreate(entity, row.id, row)));
      });
    },

    async update(id, change) {
      return refusingReferences(async () => {
        const written = await queries.update(id, (before) => {
          const wrong = wrongWith?.(applyChange<Values>(before as unknown as Values, change), before);
          if (wrong) throw new RowRuleError(wrong);
          return change;
        });
        if (!written) return missing();
        const { after } = written;
        return successResponse(after, await afterCommit(() => invalidateOnUpdate(entity, id, after)));
      });
    },

    async delete(id) {
      const removed = await queries.delete(id);
      if (!removed) return missing();
      return successResponse({ id }, await removedWith(entity, removed.row, removed.affected));
    },
  };
}

/** A check before the write would leave a gap in which the row can go; the database's own check does not. */
async function refusingReferences<T>(write: () => Promise<ApiResponse<T>>): Promise<ApiResponse<T>> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof RowRuleError) return Errors.Unprocessable(error.message).toResponse();
    if (isForeignKeyViolation(error))
      return Errors.Unprocessable("It refers to something that does not exist").toResponse();
    throw error;
  }
}
