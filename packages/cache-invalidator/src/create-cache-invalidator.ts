import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import {
  type Cache,
  CacheClosedError,
  CacheError,
  compileGlob,
  type EntityEvent,
  type EntityRule,
  InvalidOptionError,
  type Sessions,
} from "@crm/cache-core";
import { type CheckedEvent, checkEvent } from "./internal/check-event.ts";
import { type HistoryFilter, HistoryLog } from "./internal/history-log.ts";
import type { InvalidationStats } from "./internal/local-history.ts";
import { prepareUnit, type Unit, withoutCovered } from "./internal/prepare-unit.ts";
import { type HistoryRecord, shortEvent, toHistory, type WireRecord } from "./internal/records.ts";
import { RuleBook } from "./internal/rule-book.ts";
import { runHandlers } from "./internal/run-handlers.ts";
import { InvalidationEvent } from "./invalidation-event.ts";
import { type CacheInvalidatorOptions, resolveInvalidatorOptions } from "./options.ts";

/** Something that has happened to an entity. */
export interface EntityEventInput {
  readonly event: EntityEvent;
  readonly entityType: string;
  /** Data, never a glob. */
  readonly entityId: string | number;
  /** What the application knows of the entity: relations find ids in it, custom handlers get it. It is not recorded. */
  readonly data?: unknown;
  /** Who did it, and why, for the history: up to 256 bytes each. */
  readonly actor?: string | undefined;
  readonly cause?: string | undefined;
}

export interface EventContext {
  readonly actor?: string | undefined;
  readonly cause?: string | undefined;
}

/** What an invalidation did. */
export interface InvalidationResult {
  /** Names it in the history; `undefined` when it waits for the end of a `batch`. */
  readonly unit: string | undefined;
  /** Entries that were removed or marked stale, each once. 0 when deferred. */
  readonly keysInvalidated: number;
  /** It is sent when the surrounding `batch` has succeeded. */
  readonly deferred: boolean;
}

/** One entry that an event would take, and why. */
export interface PlannedKey {
  readonly key: string;
  readonly soft: boolean;
  /** `pattern companies:* (companies:42)`, `depends on companies:42`. */
  readonly reasons: readonly string[];
}

/** What an event would do now. */
export interface InvalidationPlan {
  readonly patterns: readonly string[];
  readonly softPatterns: readonly string[];
  readonly cascade: readonly string[];
  readonly keys: readonly PlannedKey[];
  /** What `apply` would return: entries that are stale already do not count for a soft rule. */
  readonly keysInvalidated: number;
  /** Users whose sessions would end. */
  readonly endsSessionsOf: readonly string[];
}

/** Which events took a key. */
export interface KeyHistory {
  readonly key: string;
  /** Newest first, with the pattern or dependency that covered the key. */
  readonly removedBy: readonly (HistoryRecord & { readonly because: string })[];
}

/** Says what changed; what was made from it disappears everywhere. Made by `createCacheInvalidator`. */
export interface CacheInvalidator {
  invalidateOnCreate(
    entityType: string,
    entityId: string | number,
    data?: unknown,
    context?: EventContext,
  ): Promise<InvalidationResult>;
  invalidateOnUpdate(
    entityType: string,
    entityId: string | number,
    data?: unknown,
    context?: EventContext,
  ): Promise<InvalidationResult>;
  invalidateOnDelete(
    entityType: string,
    entityId: string | number,
    data?: unknown,
    context?: EventContext,
  ): Promise<InvalidationResult>;
  /** The same event for many ids, as one invalidation. */
  invalidateBatch(
    event: EntityEvent,
    entityType: string,
    entityIds: readonly (string | number)[],
    context?: EventContext,
  ): Promise<InvalidationResult>;
  /**
   * Applies one event, or several as one invalidation. Resolved: no read through the store, from any process, returns what
   * was made before. Rejects with `InvalidationPendingError` when that could not be done yet: it is kept, retried until it
   * is, and recorded then. Rejects with `InvalidEventError` before anything is done.
   */
  apply(events: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationResult>;
  /** What `apply` would do now. Changes nothing. */
  plan(events: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationPlan>;
  /**
   * A unit of work: invalidations inside wait, and are sent as one when `work` has succeeded; not at all when it throws.
   * Resolves to what `work` returns. An inner batch joins the outer one.
   */
  batch<T>(work: () => T | Promise<T>): Promise<T>;
  /** Adds the rule of an entity, or replaces it. */
  registerRule(entityType: string, rule: EntityRule): void;
  /** The latest events of all processes, newest first, from memory. */
  getHistory(count?: number): HistoryRecord[];
  /** From memory; see `history.localRecords`. */
  getStats(): InvalidationStats;
  /** The durable history of all processes, newest first. */
  queryHistory(filter?: HistoryFilter): Promise<HistoryRecord[]>;
  /** Which events, of those on record, took a key. */
  explain(key: string, limit?: number): Promise<KeyHistory>;
  /** Resolves when the history has been loaded, or the store did not answer. Never needed. */
  ready(): Promise<void>;
  /** Waits for what is being recorded, and ends the link to the bus. The cache stays open. */
  close(): Promise<void>;
}

/** The channel on which every invalidation is published for outside listeners. */
const CHANNEL = "cache:invalidation";
/** Events that are applied in one step at most. */
const UNIT_EVENTS = 1_000;
/** Messages of one invalidation at most: the record, the removal, the outcome; marking stale is a removal with a note of its own. */
const MESSAGES = 3;
const MESSAGES_WITH_SOFT = 5;
const RETRY_SESSIONS_MS = 100;
const MAX_WAITING = 1_000;

interface Batch {
  readonly events: CheckedEvent[];
  open: boolean;
}

/** A unit that is kept by the cache until the store answers. */
interface Waiting {
  readonly unit: Unit;
  readonly wire: WireRecord;
  readonly began: number;
  /** Calls that are still to be applied, and what those that were have removed. */
  parts: number;
  keys: number;
  /** Its first attempt is under way. */
  open: boolean;
}

/**
 * Makes an invalidator for a cache, or for a scope of one.
 *
 * ```ts
 * const cacheInvalidator = createCacheInvalidator(cache, { rules: crmRules });
 * await cacheInvalidator.invalidateOnUpdate("companies", company.id, company);
 * ```
 * Throws `InvalidOptionError`.
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
  const { logger, clock, emitter, store, prefix, instance } = internals;
  const book = new RuleBook(resolved.rules, logger);
  const keepHistory = (): void => {
    const messages = book.some(({ soft }) => soft === true) ? MESSAGES_WITH_SOFT : MESSAGES;
    internals.keepHistory(messages * resolved.maxRecords, resolved.maxAgeMs);
  };
  keepHistory();
  const log = new HistoryLog(cache, resolved);
  const cascade = { depth: resolved.cascadeDepth, dependencies: resolved.dependencies, logger };
  const batches = new AsyncLocalStorage<Batch>();
  const waiting = new Map<string, Waiting>();
  const background = new Set<Promise<unknown>>();
  const lateSessions = new Set<string>();
  let cancelSessions: (() => void) | undefined;
  let closed = false;
  let units = 0;

  const stopApplied = cache.on("invalidation:applied", ({ record, patterns, removed }) => {
    if (record === undefined && patterns.length === 1 && patterns[0] === "") {
      // Too many waited: the cache has removed everything instead.
      for (const [id, kept] of waiting) settleWaiting(id, kept, 0, true);
      return;
    }
    const { id } = (record ?? {}) as { id?: string };
    const kept = id === undefined ? undefined : waiting.get(id);
    if (id !== undefined && kept !== undefined) settleWaiting(id, kept, removed, false);
  });

  function settleWaiting(id: string, kept: Waiting, removed: number, all: boolean): void {
    kept.keys += removed;
    kept.parts = all ? 0 : kept.parts - 1;
    if (kept.parts > 0 || kept.open) return;
    waiting.delete(id);
    inBackground(finish(kept.unit, kept.wire, kept.keys, clock.monotonic() - kept.began));
  }

  function inBackground(work: Promise<unknown>): void {
    const noted = work
      .catch((error) => {
        logger.warn({ err: error }, "The outcome of an invalidation could not be recorded");
        if (emitter.wants("background:error"))
          emitter.emit("background:error", { where: "invalidation record", error });
      })
      .finally(() => background.delete(noted));
    background.add(noted);
  }

  function checkAll(given: EntityEventInput | readonly EntityEventInput[]): CheckedEvent[] {
    if (closed) throw new CacheClosedError();
    return (Array.isArray(given) ? given : [given]).map(checkEvent);
  }

  async function apply(given: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationResult> {
    const events = checkAll(given);
    const batch = batches.getStore();
    if (batch?.open === true) {
      batch.events.push(...events);
      return { unit: undefined, keysInvalidated: 0, deferred: true };
    }
    return applyNow(events);
  }

  async function applyNow(events: readonly CheckedEvent[]): Promise<InvalidationResult> {
    let result: InvalidationResult = { unit: undefined, keysInvalidated: 0, deferred: false };
    const failures: unknown[] = [];
    for (let from = 0; from < events.length; from += UNIT_EVENTS) {
      try {
        const { unit, keysInvalidated } = await applyUnit(events.slice(from, from + UNIT_EVENTS));
        result = { unit, keysInvalidated: result.keysInvalidated + keysInvalidated, deferred: false };
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return result;
  }

  async function applyUnit(events: readonly CheckedEvent[]): Promise<InvalidationResult> {
    const unit = await prepareUnit(book, events, cascade);
    const hard = withoutCovered(unit.hard);
    const soft = withoutCovered(unit.soft);
    const { dependencies } = unit;
    const id = `${instance}.${(units++).toString(36)}.${randomBytes(3).toString("base64url")}`;
    const wire = await recordOf(id, unit);
    log.local.add(wire);
    const began = clock.monotonic();
    const kept: Waiting = { unit, wire, began, parts: 0, keys: 0, open: true };
    const part = async (work: Promise<number>): Promise<number | { failure: unknown }> => {
      try {
        return await work;
      } catch (failure) {
        if (CacheError.isInstance(failure) && failure.code === "INVALIDATION_PENDING") {
          kept.parts++;
          if (waiting.size < MAX_WAITING) waiting.set(id, kept);
          log.local.add(wire, true);
        }
        return { failure };
      }
    };
    const isHard = hard.length + dependencies.length > 0;
    const isSoft = soft.length > 0;
    const outcomes: (number | { failure: unknown })[] = [];
    // The removal first: what both cover is removed, and counts once.
    if (isHard)
      outcomes.push(await part(internals.invalidate({ patterns: hard, dependencies, record: wire })));
    if (isSoft) {
      const record = isHard ? { t: "p", id } : wire;
      outcomes.push(await part(internals.invalidate({ patterns: soft, soft: true, record })));
    }
    if (!isHard && !isSoft) outcomes.push(await part(internals.appendRecord(wire).then(() => 0)));
    const keysInvalidated = outcomes.reduce<number>(
      (sum, each) => sum + (typeof each === "number" ? each : 0),
      0,
    );
    const sessionFailure = await endSessions(unit.endsSessionsOf, wire);
    for (const outcome of outcomes) {
      if (typeof outcome === "number") continue;
      kept.open = false;
      kept.keys += keysInvalidated;
      if (kept.parts === 0 && waiting.has(id)) settleWaiting(id, kept, 0, true);
      throw outcome.failure;
    }
    await finish(unit, wire, keysInvalidated, clock.monotonic() - began);
    if (sessionFailure !== undefined) throw sessionFailure;
    return { unit: id, keysInvalidated, deferred: false };
  }

  const sessionsEnded = new Map<string, number>();

  /** Ends sessions; what fails is retried until it is done. Resolves to the failure. */
  async function endSessions(users: readonly string[], wire: WireRecord): Promise<unknown> {
    const { sessions } = cache as Cache & { sessions?: Sessions };
    if (sessions === undefined) return undefined;
    let failure: unknown;
    let ended = 0;
    for (const user of users) {
      try {
        ended += await sessions.destroyAll(user);
      } catch (error) {
        failure ??= error;
        if (lateSessions.size < MAX_WAITING) lateSessions.add(user);
        retrySessions(sessions);
      }
    }
    if (ended > 0) sessionsEnded.set(wire.id, ended);
    return failure;
  }

  function retrySessions(sessions: Sessions): void {
    if (cancelSessions !== undefined || closed) return;
    cancelSessions = clock.after(RETRY_SESSIONS_MS, async () => {
      cancelSessions = undefined;
      for (const user of lateSessions) {
        try {
          await sessions.destroyAll(user);
          lateSessions.delete(user);
        } catch {
          break;
        }
      }
      if (lateSessions.size > 0) retrySessions(sessions);
    });
  }

  async function recordOf(id: string, unit: Unit): Promise<WireRecord> {
    const { events, steps, dependencies } = unit;
    const traced: string[] = [];
    if (resolved.tracedKeys > 0 && dependencies.length > 0) {
      const covered = await internals.list({ dependencies }).catch(() => []);
      traced.push(...new Set(covered.map(({ key }) => key)));
    }
    const named = new Map(
      events.map((each) => [JSON.stringify([each.event, each.entityType, each.entityId]), each]),
    );
    const [first] = events as readonly [CheckedEvent];
    return {
      t: "i",
      id,
      sc: prefix,
      ts: log.now(),
      in: instance,
      ev: [...named.values()].map(({ event, entityType, entityId }) => [
        shortEvent(event),
        entityType,
        entityId,
      ]),
      p: unit.hard,
      ...(unit.soft.length > 0 ? { sp: unit.soft } : {}),
      ...(dependencies.length > 0 ? { d: 1 as const } : {}),
      ...(traced.length > 0 ? { dk: traced.slice(0, resolved.tracedKeys) } : {}),
      c: steps.map(({ path }) => path),
      ...(first.actor === undefined ? {} : { a: first.actor }),
      ...(first.cause === undefined ? {} : { w: first.cause }),
    };
  }

  /** It is applied: handlers run, the outcome is recorded, outside listeners are told. */
  async function finish(unit: Unit, wire: WireRecord, keysInvalidated: number, ms: number): Promise<void> {
    const failedHandlers = await runHandlers(book, unit.events, resolved.handlerTimeoutMs, internals);
    const ended = sessionsEnded.get(wire.id) ?? 0;
    sessionsEnded.delete(wire.id);
    const outcome: WireRecord = {
      ...wire,
      t: "o",
      n: keysInvalidated,
      ms: Math.round(ms * 10) / 10,
      ...(failedHandlers > 0 ? { hf: failedHandlers } : {}),
      ...(ended > 0 ? { ss: ended } : {}),
    };
    log.local.add(outcome);
    if (closed) return;
    inBackground(internals.appendRecord(outcome));
    const message = {
      unit: wire.id,
      instance,
      namespace: cache.namespace,
      timestamp: wire.ts,
      events: toHistory(outcome).map(({ event, entityType, entityId }) => ({ event, entityType, entityId })),
      patterns: [...unit.hard, ...unit.soft],
      keysInvalidated,
    };
    inBackground(store.publish(prefix + CHANNEL, JSON.stringify(message)));
  }

  async function plan(given: EntityEventInput | readonly EntityEventInput[]): Promise<InvalidationPlan> {
    const unit = await prepareUnit(book, checkAll(given), cascade);
    const found = new Map<string, { soft: boolean; reasons: Set<string>; counts: boolean }>();
    const note = (key: string, soft: boolean, reason: string, counts: boolean): void => {
      const entry = found.get(key) ?? { soft, reasons: new Set<string>(), counts: false };
      entry.soft &&= soft;
      entry.counts ||= counts;
      entry.reasons.add(reason);
      found.set(key, entry);
    };
    const pathOf = (pattern: string): string =>
      unit.steps.find(({ patterns }) => patterns.includes(pattern))?.path ?? "";
    const { dependencies } = unit;
    for (const { key, pattern, dependency } of await internals.list({ patterns: unit.hard, dependencies })) {
      const reason =
        pattern === undefined
          ? `depends on ${nameOf(dependencies[dependency as number] as (typeof dependencies)[number])}`
          : `pattern ${pattern} (${pathOf(pattern)})`;
      note(key, false, reason, true);
    }
    for (const { key, pattern, marked, foreign } of await internals.list({ patterns: unit.soft })) {
      note(key, true, `pattern ${pattern} (${pathOf(pattern as string)})`, !marked && !foreign);
    }
    const planned = [...found].map(([key, { soft, reasons }]) => ({ key, soft, reasons: [...reasons] }));
    return {
      patterns: unit.hard,
      softPatterns: unit.soft,
      cascade: unit.steps.map(({ path }) => path),
      keys: planned.sort((a, b) => (a.key < b.key ? -1 : 1)),
      keysInvalidated: [...found.values()].filter(({ counts }) => counts).length,
      endsSessionsOf: unit.endsSessionsOf,
    };
  }

  async function batch<T>(work: () => T | Promise<T>): Promise<T> {
    if (batches.getStore()?.open === true) return work();
    const own: Batch = { events: [], open: true };
    let value: T;
    try {
      value = await batches.run(own, async () => work());
    } finally {
      own.open = false;
    }
    if (own.events.length > 0) await batches.exit(() => applyNow(own.events));
    return value;
  }

  async function explain(key: string, limit = 10): Promise<KeyHistory> {
    const removedBy: (HistoryRecord & { because: string })[] = [];
    for await (const wire of log.units({})) {
      const pattern = [...wire.p, ...(wire.sp ?? [])].find((each) => compileGlob(each).matches(key));
      const [record] = toHistory(wire) as [HistoryRecord];
      if (pattern !== undefined) removedBy.push({ ...record, because: `pattern ${pattern}` });
      else if (wire.dk?.includes(key) === true) {
        removedBy.push({ ...record, because: `depends on ${record.entityType}:${record.entityId}` });
      }
      if (removedBy.length >= limit) break;
    }
    return { key, removedBy };
  }

  const on =
    (event: EntityEvent) =>
    (entityType: string, entityId: string | number, data?: unknown, context?: EventContext) =>
      apply({ event, entityType, entityId, data, ...context });

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
      return apply(entityIds.map((entityId) => ({ event, entityType, entityId, ...context })));
    },
    apply,
    plan,
    batch,
    registerRule(entityType, rule) {
      book.register(entityType, rule);
      keepHistory();
    },
    getHistory: (count = 100) => log.local.latest(count),
    getStats: () => log.local.stats(log.now()),
    async queryHistory(filter = {}) {
      const { limit = 100 } = filter;
      if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) {
        throw new InvalidOptionError({
          option: "limit",
          received: limit,
          expected: "a whole number from 1 to 100,000",
        });
      }
      return log.query(filter);
    },
    explain,
    ready: () => log.ready(),
    async close() {
      if (closed) return;
      await Promise.all(background);
      closed = true;
      stopApplied();
      cancelSessions?.();
      await log.close();
    },
  };
}

function nameOf(
  dependency: string | readonly [string, string | number] | { readonly entity: string },
): string {
  if (typeof dependency === "string") return dependency;
  return Array.isArray(dependency) ? dependency.join(":") : (dependency as { entity: string }).entity;
}
