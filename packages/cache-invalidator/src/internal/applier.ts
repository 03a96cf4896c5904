import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { type Cache, CacheError, type CacheInternals } from "@crm/cache-core";
import type { InvalidationResult } from "../cache-invalidator.ts";
import type { ResolvedInvalidatorOptions } from "../options.ts";
import { buildRecord } from "./build-record.ts";
import type { CascadeOptions } from "./cascade.ts";
import type { CheckedEvent } from "./check-event.ts";
import { Gate } from "./gate.ts";
import type { HistoryLog } from "./history-log.ts";
import { prepareUnit, type Unit, withoutCovered } from "./prepare-unit.ts";
import { toHistory, type WireRecord } from "./records.ts";
import type { RuleBook } from "./rule-book.ts";
import { openOne, type RunningHandler, runHandlers } from "./run-handlers.ts";
import { SessionEnder } from "./session-ender.ts";
import { type Waiting, WaitingUnits } from "./waiting-units.ts";

/** The channel on which every invalidation is published for outside listeners. */
const CHANNEL = "cache:invalidation";
/** Events that are applied in one step at most. */
const UNIT_EVENTS = 1_000;
/**
 * Units that are with the store at a time. Thousands at once would wait for one another until their commands' deadlines are
 * over; what then waits to be retried becomes, from a thousand on, one removal of everything.
 */
const UNITS_AT_ONCE = 128;
/** Dependencies that are looked up together, until enough keys are known. */
const TRACED_AT_ONCE = 128;

type Outcome = number | { readonly failure: unknown };

/** Applies events: removal, sessions, handlers, record. */
export class Applier {
  readonly #cache: Cache;
  readonly #internals: CacheInternals;
  readonly #book: RuleBook;
  readonly #log: HistoryLog;
  readonly #cascade: CascadeOptions;
  readonly #options: ResolvedInvalidatorOptions;
  readonly #waiting: WaitingUnits;
  readonly #sessions: SessionEnder;
  readonly #handlers = new AsyncLocalStorage<RunningHandler>();
  /** What was called for and has not ended. */
  readonly #running = new Set<Promise<unknown>>();
  readonly #background = new Set<Promise<unknown>>();
  readonly #gate = new Gate(UNITS_AT_ONCE);
  #units = 0;
  #closed = false;

  constructor(
    cache: Cache,
    book: RuleBook,
    log: HistoryLog,
    cascade: CascadeOptions,
    options: ResolvedInvalidatorOptions,
  ) {
    this.#cache = cache;
    this.#internals = cache.internals;
    this.#book = book;
    this.#log = log;
    this.#cascade = cascade;
    this.#options = options;
    this.#sessions = new SessionEnder(cache);
    this.#waiting = new WaitingUnits(cache, ({ unit, wire, keys, began, sessionsEnded }) => {
      const ms = this.#internals.clock.monotonic() - began;
      this.#inBackground(this.#finish(unit, wire, keys, ms, sessionsEnded));
    });
  }

  /** Everything is tried, also when a part of it fails; then the first failure is thrown. */
  async apply(events: readonly CheckedEvent[]): Promise<InvalidationResult> {
    const applying = this.#applyAll(events);
    this.#running.add(applying);
    return applying.finally(() => this.#running.delete(applying));
  }

  async #applyAll(events: readonly CheckedEvent[]): Promise<InvalidationResult> {
    let result: InvalidationResult = { unit: undefined, keysInvalidated: 0, deferred: false };
    const failures: unknown[] = [];
    for (let from = 0; from < events.length; from += UNIT_EVENTS) {
      try {
        const { unit, keysInvalidated } = await this.#applyUnit(events.slice(from, from + UNIT_EVENTS));
        result = { unit, keysInvalidated: result.keysInvalidated + keysInvalidated, deferred: false };
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return result;
  }

  /** Whether it is a custom handler that asks. */
  get isInHandler(): boolean {
    return openOne(this.#handlers.getStore()) !== undefined;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    await Promise.all(this.#background);
    this.#closed = true;
    this.#waiting.close();
    this.#sessions.close();
  }

  async #applyUnit(events: readonly CheckedEvent[]): Promise<InvalidationResult> {
    const { clock } = this.#internals;
    const unit = await prepareUnit(this.#book, events, this.#cascade);
    // Nothing of the application's runs in there: a handler may invalidate and wait for it.
    const { wire, waiting, outcomes } = await this.#gate.pass(() => this.#record(unit));
    const keys = outcomes.reduce<number>((sum, each) => sum + (typeof each === "number" ? each : 0), 0);
    const { ended, failure } = await this.#sessions.end(unit.endsSessionsOf);
    for (const outcome of outcomes) {
      if (typeof outcome === "number") continue;
      waiting.sessionsEnded = ended;
      this.#waiting.endAttempt(waiting, keys);
      throw outcome.failure;
    }
    await this.#finish(unit, wire, keys, clock.monotonic() - waiting.began, ended);
    if (failure !== undefined) throw failure;
    return { unit: wire.id, keysInvalidated: keys, deferred: false };
  }

  /** Removes what a unit takes, on record; the record has the outcome where the removal told it. */
  async #record(unit: Unit): Promise<{ wire: WireRecord; waiting: Waiting; outcomes: readonly Outcome[] }> {
    const { clock, instance, prefix } = this.#internals;
    const id = `${instance}.${(this.#units++).toString(36)}.${randomBytes(3).toString("base64url")}`;
    const [traced] = await Promise.all([this.#trace(unit), this.#log.learnTime()]);
    const wire = buildRecord(unit, { id, scope: prefix, instance, now: this.#log.now(), traced });
    this.#log.local.add(wire);
    const began = clock.monotonic();
    const waiting: Waiting = { unit, wire, began, parts: 0, keys: 0, sessionsEnded: 0, open: true };
    let told: WireRecord | undefined;
    const outcomes = await this.#remove(unit, wire, waiting, (removed) => {
      told = { ...wire, ...outcomeOf(removed, clock.monotonic() - began) };
      return told;
    });
    return { wire: told ?? wire, waiting, outcomes };
  }

  /** One call for what goes and one for what is marked stale; the record goes with the first. */
  async #remove(
    unit: Unit,
    wire: WireRecord,
    waiting: Waiting,
    tell: (removed: number) => WireRecord,
  ): Promise<Outcome[]> {
    const { dependencies, softDependencies } = unit;
    const hard = withoutCovered(unit.hard);
    const soft = withoutCovered(unit.soft);
    const isHard = hard.length + dependencies.length > 0;
    const isSoft = soft.length + softDependencies.length > 0;
    const part = async (work: Promise<number>): Promise<Outcome> => {
      try {
        return await work;
      } catch (failure) {
        if (CacheError.isInstance(failure) && failure.code === "INVALIDATION_PENDING") {
          this.#waiting.addPart(waiting);
          this.#log.local.add(wire, true);
        }
        return { failure };
      }
    };
    if (!isHard && !isSoft) return [await part(this.#internals.appendRecord(wire).then(() => 0))];
    // Where nothing is to follow, the removal itself carries the outcome.
    const isLast = isHard !== isSoft && unit.endsSessionsOf.length === 0 && !this.#hasHandler(unit);
    const outcome = isLast ? tell : undefined;
    const outcomes: Outcome[] = [];
    // The removal first: what both cover is removed, and counts once.
    if (isHard) {
      const removal = { patterns: hard, dependencies, record: wire, outcome };
      outcomes.push(await part(this.#internals.invalidate(removal)));
    }
    if (isSoft) {
      const record = isHard ? { t: "p", id: wire.id } : wire;
      const stale = { patterns: soft, dependencies: softDependencies, soft: true, record, outcome };
      outcomes.push(await part(this.#internals.invalidate(stale)));
    }
    return outcomes;
  }

  /** Keys that go because of a dependency, for `explain`: as many as are kept. */
  async #trace(unit: Unit): Promise<string[]> {
    const { tracedKeys } = this.#options;
    const dependencies = [...unit.dependencies, ...unit.softDependencies];
    const keys = new Set<string>();
    for (let from = 0; from < dependencies.length && keys.size < tracedKeys; from += TRACED_AT_ONCE) {
      const some = dependencies.slice(from, from + TRACED_AT_ONCE);
      const covered = await this.#internals.list({ dependencies: some }).catch(() => []);
      for (const { key } of covered) keys.add(key);
    }
    return [...keys].slice(0, tracedKeys);
  }

  #hasHandler({ events }: Unit): boolean {
    return events.some(({ entityType }) => this.#book.get(entityType)?.customHandler !== undefined);
  }

  /** It is applied: handlers run, the outcome is recorded unless it was already, outside listeners are told. */
  async #finish(
    unit: Unit,
    wire: WireRecord,
    keysInvalidated: number,
    ms: number,
    sessionsEnded: number,
  ): Promise<void> {
    const { handlerTimeoutMs } = this.#options;
    const failedHandlers = await runHandlers(
      this.#book,
      unit.events,
      handlerTimeoutMs,
      this.#internals,
      this.#handlers,
    );
    const isTold = wire.t === "o";
    const outcome: WireRecord = isTold
      ? wire
      : {
          ...wire,
          ...outcomeOf(keysInvalidated, ms),
          ...(failedHandlers > 0 ? { hf: failedHandlers } : {}),
          ...(sessionsEnded > 0 ? { ss: sessionsEnded } : {}),
        };
    this.#log.local.add(outcome);
    if (this.#closed) return;
    const { store, prefix, instance } = this.#internals;
    if (!isTold) this.#inBackground(this.#internals.appendRecord(outcome));
    const message = {
      unit: wire.id,
      instance,
      namespace: this.#cache.namespace,
      timestamp: wire.ts,
      events: toHistory(outcome).map(({ event, entityType, entityId }) => ({ event, entityType, entityId })),
      patterns: [...unit.hard, ...unit.soft],
      keysInvalidated,
    };
    this.#inBackground(store.publish(prefix + CHANNEL, JSON.stringify(message)));
  }

  #inBackground(work: Promise<unknown>): void {
    const { logger, emitter } = this.#internals;
    const noted = work
      .catch((error) => {
        logger.warn({ err: error }, "The outcome of an invalidation could not be recorded");
        if (emitter.wants("background:error"))
          emitter.emit("background:error", { where: "invalidation record", error });
      })
      .finally(() => this.#background.delete(noted));
    this.#background.add(noted);
  }
}

function outcomeOf(removed: number, ms: number): Pick<WireRecord, "t" | "n" | "ms"> {
  return { t: "o", n: removed, ms: Math.round(ms * 10) / 10 };
}
