import {
  type Cache,
  CacheClosedError,
  checkKey,
  type EntityEvent,
  InvalidOptionError,
} from "@crm/cache-core";
import type {
  CacheInvalidator,
  EntityEventInput,
  EventContext,
  InvalidationResult,
} from "./cache-invalidator.ts";
import { Applier } from "./internal/applier.ts";
import { Batches } from "./internal/batches.ts";
import { type CheckedEvent, checkContext, checkEvent } from "./internal/check-event.ts";
import { checkCount, checkFilter } from "./internal/check-filter.ts";
import { explainKey } from "./internal/explain-key.ts";
import { HistoryLog } from "./internal/history-log.ts";
import { planEvents } from "./internal/plan-events.ts";
import { prepareUnit } from "./internal/prepare-unit.ts";
import { RuleBook } from "./internal/rule-book.ts";
import { InvalidationEvent } from "./invalidation-event.ts";
import { type CacheInvalidatorOptions, resolveInvalidatorOptions } from "./options.ts";

/** Messages of one invalidation: record, removal, outcome. Marking stale is a removal with a note of its own. */
const MESSAGES = 3;
const MESSAGES_WITH_SOFT = 5;

/**
 * Makes an invalidator for a cache, or for a scope of one.
 *
 * ```ts
 * const cacheInvalidator = createCacheInvalidator(cache, { rules: crmRules });
 * await cacheInvalidator.invalidateOnUpdate("companies", company.id, company);
 * ```
 * @throws InvalidOptionError, InvalidDurationError; InvalidEventError for a name of an entity that cannot be
 */
export function createCacheInvalidator(
  cache: Cache,
  options: CacheInvalidatorOptions = {},
): CacheInvalidator {
  if (typeof cache?.internals?.invalidate !== "function") {
    throw new InvalidOptionError({ option: "cache", received: cache, expected: "a cache of createCache" });
  }
  const resolved = resolveInvalidatorOptions(options);
  const { internals } = cache;
  const book = new RuleBook(resolved.rules, internals.logger);
  const cascade = {
    depth: resolved.cascadeDepth,
    dependencies: resolved.dependencies,
    logger: internals.logger,
    clock: internals.clock,
    idsTimeoutMs: resolved.handlerTimeoutMs,
  };
  const keepHistory = (): void => {
    const messages = book.some(({ soft }) => soft === true) ? MESSAGES_WITH_SOFT : MESSAGES;
    internals.keepHistory(messages * resolved.maxRecords, resolved.maxAgeMs);
  };
  keepHistory();
  const log = new HistoryLog(cache, resolved);
  const applier = new Applier(cache, book, log, cascade, resolved);
  const batches = new Batches((events) => applier.apply(events));
  let closing: Promise<void> | undefined;

  function checkAll(given: EntityEventInput | readonly EntityEventInput[]): CheckedEvent[] {
    if (closing !== undefined) throw new CacheClosedError();
    return (Array.isArray(given) ? given : [given]).map(checkEvent);
  }

  async function apply(given: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationResult> {
    return batches.add(checkAll(given));
  }

  const on =
    (event: EntityEvent) =>
    async (entityType: string, entityId: string | number | bigint, data?: unknown, context?: EventContext) =>
      apply({ event, entityType, entityId, data, ...checkContext(context) });

  return {
    invalidateOnCreate: on(InvalidationEvent.ENTITY_CREATED),
    invalidateOnUpdate: on(InvalidationEvent.ENTITY_UPDATED),
    invalidateOnDelete: on(InvalidationEvent.ENTITY_DELETED),
    async invalidateBatch(event, entityType, entityIds, context) {
      if (!Array.isArray(entityIds)) {
        throw new InvalidOptionError({
          option: "entityIds",
          received: entityIds,
          expected: "an array of ids",
        });
      }
      const who = checkContext(context);
      // A wrong name is wrong, also where there are no ids today.
      if (entityIds.length === 0) checkEvent({ event, entityType, entityId: "none", ...who });
      return apply(entityIds.map((entityId) => ({ event, entityType, entityId, ...who })));
    },
    apply,
    async plan(given) {
      return planEvents(await prepareUnit(book, checkAll(given), cascade), internals);
    },
    batch: (work) => batches.run(work),
    registerRule(entityType, rule) {
      book.register(entityType, rule);
      keepHistory();
    },
    getHistory: (count = 100) => log.latest(checkCount(count, "count", 0)),
    getStats: () => log.local.stats(log.now()),
    queryHistory: async (filter = {}) => log.query(checkFilter(filter)),
    explain: async (key, limit = 10) => explainKey(log, checkKey(key), checkCount(limit, "limit", 1)),
    ready: () => log.ready(),
    close() {
      closing ??= applier.close().then(() => log.close());
      // A handler that waited would wait for itself.
      return applier.isInHandler ? Promise.resolve() : closing;
    },
  };
}
