import {
  type Clock,
  type Duration,
  InvalidOptionError,
  type Logger,
  type OptionNames,
  parseDuration,
  silentLogger,
  systemClock,
} from "@crm/cache-core";
import type { InvalidationTarget } from "./invalidation-target.ts";
import type { OutboxConnection } from "./outbox-connection.ts";
import {
  type OutboxTable,
  type OutboxTableOptions,
  resolveOutboxTable,
  TABLE_OPTIONS,
} from "./outbox-table.ts";

/** What `createOutboxRelay` takes. */
export interface OutboxRelayOptions extends OutboxTableOptions {
  /** Opens a session of the relay's own: `connectPg` or `connectPglite`. Called again after each loss. */
  readonly connect: () => Promise<OutboxConnection>;
  /** Who invalidates, such as the invalidator. */
  readonly target: InvalidationTarget;
  /** Rows that one transaction takes, 1 to 10,000. Also the bound of what lies in memory. @default 100 */
  readonly batchSize?: number | undefined;
  /** Events that are applied at the same time, 1 to 1,000. @default 8 */
  readonly concurrency?: number | undefined;
  /** Longest time without a look into the table, should every wake-up get lost. 10 ms to 1 h. @default "1s" */
  readonly pollInterval?: Duration | undefined;
  /** Time for one event at the target. @default "10s" */
  readonly applyTimeout?: Duration | undefined;
  /** Time for one query of the relay; then the session is taken for lost. @default "10s" */
  readonly queryTimeout?: Duration | undefined;
  /** Failures until a row is put aside, 1 to 1,000. Errors with `retryable: true` do not count. @default 12 */
  readonly maxAttempts?: number | undefined;
  /** First pause after a failure that counts; each further one doubles it, less up to half by chance. @default "100ms" */
  readonly minBackoff?: Duration | undefined;
  /** Longest pause between two tries of a row. @default "60s" */
  readonly maxBackoff?: Duration | undefined;
  /** How long delivered rows are kept in `<table>_delivered`; without it they are deleted. @default none */
  readonly keepDelivered?: Duration | undefined;
  /** Waiting rows above which `backlog:high` tells, 1 to 1,000,000. @default 100_000 */
  readonly maxBacklog?: number | undefined;
  /** @default the clock of this machine */
  readonly clock?: Clock | undefined;
  /** 0 to 1, for the spread of pauses. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
}

/** The options with everything decided. Times in ms. */
export interface ResolvedRelayOptions {
  readonly table: OutboxTable;
  readonly connect: () => Promise<OutboxConnection>;
  readonly target: InvalidationTarget;
  readonly batchSize: number;
  readonly concurrency: number;
  readonly pollIntervalMs: number;
  readonly applyTimeoutMs: number;
  readonly queryTimeoutMs: number;
  readonly maxAttempts: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly keepDeliveredMs: number | undefined;
  readonly maxBacklog: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const OPTIONS: OptionNames<OutboxRelayOptions> = {
  ...TABLE_OPTIONS,
  ...{
    connect: true,
    target: true,
    batchSize: true,
    concurrency: true,
    pollInterval: true,
    applyTimeout: true,
  },
  ...{ queryTimeout: true, maxAttempts: true, minBackoff: true, maxBackoff: true, keepDelivered: true },
  ...{ maxBacklog: true, clock: true, random: true, logger: true },
};

/** Checks and completes the options. @throws InvalidOptionError, InvalidDurationError */
export function resolveRelayOptions(options: OutboxRelayOptions): ResolvedRelayOptions {
  if (typeof options?.connect !== "function") {
    throw new InvalidOptionError({
      option: "connect",
      received: options?.connect,
      expected: "a function that opens a session, such as `() => connectPg(new pg.Client(…))`",
    });
  }
  if (typeof options.target?.apply !== "function") {
    throw new InvalidOptionError({
      option: "target",
      received: options.target,
      expected: "an object with apply()",
    });
  }
  const minBackoffMs = parseDuration(options.minBackoff ?? "100ms", "minBackoff");
  const maxBackoffMs = parseDuration(options.maxBackoff ?? "60s", "maxBackoff");
  if (minBackoffMs > maxBackoffMs) {
    throw new InvalidOptionError({
      options: ["minBackoff", "maxBackoff"],
      reason: "the first pause would be longer than the longest",
      advice: "Make minBackoff the shorter one.",
    });
  }
  const pollIntervalMs = parseDuration(options.pollInterval ?? "1s", "pollInterval");
  if (pollIntervalMs < 10 || pollIntervalMs > 3_600_000) {
    throw new InvalidOptionError({
      option: "pollInterval",
      received: options.pollInterval,
      expected: "a duration from 10 ms to 1 h",
    });
  }
  return {
    table: resolveOutboxTable(options, OPTIONS),
    connect: options.connect,
    target: options.target,
    batchSize: checkInteger(options.batchSize ?? 100, "batchSize", 10_000),
    concurrency: checkInteger(options.concurrency ?? 8, "concurrency", 1_000),
    pollIntervalMs,
    applyTimeoutMs: parseDuration(options.applyTimeout ?? "10s", "applyTimeout"),
    queryTimeoutMs: parseDuration(options.queryTimeout ?? "10s", "queryTimeout"),
    maxAttempts: checkInteger(options.maxAttempts ?? 12, "maxAttempts", 1_000),
    minBackoffMs,
    maxBackoffMs,
    keepDeliveredMs:
      options.keepDelivered === undefined ? undefined : parseDuration(options.keepDelivered, "keepDelivered"),
    maxBacklog: checkInteger(options.maxBacklog ?? 100_000, "maxBacklog", 1_000_000),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
  };
}

function checkInteger(value: number, option: string, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new InvalidOptionError({ option, received: value, expected: `an integer from 1 to ${max}` });
}
