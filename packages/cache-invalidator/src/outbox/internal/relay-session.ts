import type { TypedEmitter } from "@crm/cache-core";
import type { OutboxConnection } from "../outbox-connection.ts";
import type { OutboxRow, RelayEvents } from "../relay-events.ts";
import type { ResolvedRelayOptions } from "../relay-options.ts";
import type { Alarm } from "./alarm.ts";
import { deliverBatch } from "./deliver-batch.ts";
import {
  type Ask,
  buryRows,
  claimRows,
  deferRows,
  type FailedRow,
  getUp,
  measureBacklog,
  presentSql,
  pruneDelivered,
  removeDelivered,
  tryToSleep,
} from "./outbox-queries.ts";
import { RetryTimes } from "./retry-times.ts";

/** What a relay counts, over all its sessions. */
export interface RelayCounters {
  delivered: number;
  coalesced: number;
  failed: number;
  died: number;
  sessions: number;
}

/** What a session shares with its relay. */
export interface SessionContext {
  readonly options: ResolvedRelayOptions;
  readonly emitter: TypedEmitter<RelayEvents>;
  readonly counters: RelayCounters;
  readonly alarm: Alarm;
  readonly closed: () => boolean;
}

/** Between looks while transactions are open that have written and will not ring. */
const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 100;
/** After a batch of which nothing could be delivered, since the target is sick. */
const FIRST_OUTAGE_MS = 50;
const LONGEST_OUTAGE_MS = 1_000;
const UPKEEP_MS = 10_000;

/**
 * Delivers through one session until it is lost or the relay is closed. The order of each turn is what makes it safe:
 * forget the rings, look, and only when nothing was there lie down, look once more, and wait.
 */
export async function runSession(
  context: SessionContext,
  connection: OutboxConnection,
  ask: Ask,
): Promise<void> {
  const { options, alarm, closed } = context;
  const { clock, table, pollIntervalMs } = options;
  const { shared } = connection;
  let lookMs = FIRST_LOOK_MS;
  let outageMs = 0;
  let asleep = false;
  let upkeepAt = clock.monotonic() + UPKEEP_MS;
  const retries = new RetryTimes();

  while (!closed()) {
    alarm.reset();
    const lookedAt = clock.monotonic();
    const turn = await deliverOnce(context, ask, shared);
    if (clock.monotonic() >= upkeepAt) {
      upkeepAt = clock.monotonic() + UPKEEP_MS;
      await keepUp(context, ask, presentSql(shared, clock));
    }
    retries.looked(lookedAt, turn.taken > 0);
    for (const delayMs of turn.delaysMs) retries.add(clock.monotonic() + delayMs);
    if (turn.taken > 0) {
      if (asleep) await getUp(ask, table, shared);
      asleep = false;
      lookMs = FIRST_LOOK_MS;
      if (!turn.outage) {
        outageMs = 0;
        continue;
      }
      outageMs = Math.min(LONGEST_OUTAGE_MS, Math.max(FIRST_OUTAGE_MS, outageMs * 2));
      // A ring says that there is more of what cannot be delivered: only closing cuts this pause short.
      await pause(context, outageMs);
      continue;
    }
    if (!asleep) {
      const state = await tryToSleep(ask, table, shared);
      asleep = state === "asleep";
      // One more look: what was committed between the last one and the lock did not ring.
      if (asleep) continue;
      if (state === "writers") {
        await alarm.wait(clock, Math.min(lookMs, pollIntervalMs));
        lookMs = Math.min(LONGEST_LOOK_MS, lookMs * 2);
        continue;
      }
    }
    const rang = await alarm.wait(
      clock,
      Math.max(1, Math.min(pollIntervalMs, retries.next - clock.monotonic())),
    );
    if (rang && asleep) {
      // Up before the look: while others work, whoever lies here is rung by every commit.
      await getUp(ask, table, shared);
      asleep = false;
    }
  }
  if (asleep) await getUp(ask, table, shared);
}

async function pause({ options, alarm, closed }: SessionContext, ms: number): Promise<void> {
  const until = options.clock.monotonic() + ms;
  for (let left = ms; left > 0 && !closed(); left = until - options.clock.monotonic()) {
    alarm.reset();
    await alarm.wait(options.clock, left);
  }
}

interface Turn {
  readonly taken: number;
  /** Whether nothing of it could be delivered, for reasons that lie with the target. */
  readonly outage: boolean;
  /** After how long rows of it are due again. */
  readonly delaysMs: readonly number[];
}

/**
 * One batch: claim, apply, note what became of it. The rows stay locked meanwhile, so no other relay has them, and they
 * are free the moment this process dies. They leave the table only after their invalidations are in force.
 */
async function deliverOnce(context: SessionContext, ask: Ask, shared: boolean): Promise<Turn> {
  const { options, counters, emitter, closed } = context;
  const { table, batchSize, clock } = options;
  // Whatever the defaults of the database are: SKIP LOCKED would fail to serialize under a stricter level.
  if (!shared) await ask("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
  const rows = await claimRows(ask, table, batchSize, !shared, presentSql(shared, clock));
  if (rows.length === 0) {
    if (!shared) await ask("COMMIT");
    return { taken: 0, outage: false, delaysMs: [] };
  }
  const { delivered, failed, calls } = await deliverBatch(rows, options, closed);
  const dead: (FailedRow & { row: OutboxRow; cause: unknown })[] = [];
  const deferred: (FailedRow & { row: OutboxRow; cause: unknown })[] = [];
  for (const { row, error, counted } of failed) {
    const note = {
      id: row.id,
      row,
      cause: error,
      counted,
      error: describe(error),
      delayMs: backoff(row, counted, options),
    };
    if (counted && row.attempts + 1 >= options.maxAttempts) dead.push(note);
    else deferred.push(note);
  }
  const plain = ({ id, delayMs, counted, error }: FailedRow): FailedRow => ({ id, delayMs, counted, error });
  if (delivered.length > 0) {
    await removeDelivered(
      ask,
      table,
      delivered.map(({ id }) => id),
      options.keepDeliveredMs !== undefined,
    );
  }
  if (dead.length > 0) await buryRows(ask, table, dead.map(plain));
  if (deferred.length > 0) await deferRows(ask, table, deferred.map(plain), presentSql(shared, clock));
  if (!shared) await ask("COMMIT");

  // Told only now: before the commit none of it would have been true.
  counters.delivered += delivered.length;
  counters.coalesced += delivered.length + failed.length - calls;
  counters.failed += failed.length;
  counters.died += dead.length;
  for (const row of delivered) emitter.emit("row:delivered", () => ({ row }));
  for (const { row, cause: error, delayMs, counted } of deferred) {
    options.logger.warn({ row: row.id, error, attempts: row.attempts + 1 }, "outbox: a delivery failed");
    emitter.emit("row:failed", () => ({ row, error, delayMs, counted }));
  }
  for (const { row, cause: error } of dead) {
    options.logger.error(
      { row: row.id, error },
      `outbox: a row failed ${options.maxAttempts} times and was put aside`,
    );
    emitter.emit("row:dead", () => ({ row, error }));
  }
  return {
    taken: rows.length,
    outage: delivered.length === 0 && failed.some(({ counted }) => !counted),
    delaysMs: deferred.map(({ delayMs }) => delayMs),
  };
}

/** What every relay does now and then: forget what was kept long enough, and tell when too much waits. */
async function keepUp({ options, emitter }: SessionContext, ask: Ask, now: string): Promise<void> {
  if (options.keepDeliveredMs !== undefined)
    await pruneDelivered(ask, options.table, options.keepDeliveredMs, now);
  const { pending, oldestAgeMs } = await measureBacklog(ask, options.table, options.maxBacklog + 1, now);
  if (pending <= options.maxBacklog) return;
  options.logger.warn({ pending, oldestAgeMs }, "outbox: the backlog is high");
  emitter.emit("backlog:high", () => ({ pending, oldestAgeMs }));
}

/** A fault of the target passes for all rows at once, and soon: the row is no worse for it. */
function backoff(row: OutboxRow, counted: boolean, options: ResolvedRelayOptions): number {
  if (!counted) return FIRST_OUTAGE_MS;
  const full = Math.min(options.maxBackoffMs, options.minBackoffMs * 2 ** Math.min(row.attempts, 40));
  return Math.round(full * (1 - options.random() / 2));
}

/** Text for the column: short, and nothing in it that PostgreSQL would refuse. */
function describe(error: unknown): string {
  let text: string;
  try {
    text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    text = "an error that cannot be described";
  }
  return text.slice(0, 500).replace(/[\0\p{Surrogate}]/gu, "\uFFFD");
}
