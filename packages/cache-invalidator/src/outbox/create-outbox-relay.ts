import { holdProcess, TypedEmitter } from "@crm/cache-core";
import { OutboxMissingError, RelayClosedError } from "./errors.ts";
import { Alarm } from "./internal/alarm.ts";
import { type Ask, measureBacklog, presentSql } from "./internal/outbox-queries.ts";
import { type RelayCounters, runSession } from "./internal/relay-session.ts";
import type { OutboxConnection } from "./outbox-connection.ts";
import { RELAY_EVENTS, type RelayEvents } from "./relay-events.ts";
import { type OutboxRelayOptions, resolveRelayOptions } from "./relay-options.ts";

/** Delivers what lies in the outbox. Made by `createOutboxRelay`. */
export interface OutboxRelay extends AsyncDisposable {
  /**
   * Connects and delivers what waits. Resolves once the session stands and is woken by commits; while the database is
   * away it keeps trying, and tells with `relay:down`. May be called again, for the same promise.
   *
   * @throws OutboxMissingError when the table is not there
   * @throws RelayClosedError when the relay was closed before
   */
  start(): Promise<void>;
  /** Looks now. For writers in the same process that know that they have just committed; never needed. */
  wake(): void;
  /** Listens to an event; returns the function that ends it. */
  on<E extends keyof RelayEvents>(event: E, handler: (payload: RelayEvents[E]) => void): () => void;
  /** Figures of the table and of this relay. Never rejects: those of the table are `null` while the database is away. */
  getStats(): Promise<OutboxStats>;
  /**
   * Ends when the events that are being applied have been, or after `applyTimeout`; what is left waits in the table. May be
   * called twice.
   */
  close(): Promise<void>;
}

/** Figures of the outbox, and of what this relay did since it was made. */
export interface OutboxStats {
  /** Whether the session stands. The three figures of the table are `null` when it does not. */
  readonly connected: boolean;
  /** Rows that wait, also those in hand; counted up to `maxBacklog + 1`. */
  readonly pending: number | null;
  /** Age of the row with the lowest number, in seconds; 0 when none waits. */
  readonly oldestAgeSeconds: number | null;
  /** Rows that were put aside, counted as `pending`. */
  readonly dead: number | null;
  /** Rows delivered. */
  readonly delivered: number;
  /** Rows that said the same as another one of their batch: delivered, without a call of their own. */
  readonly coalesced: number;
  /** Tries that failed. */
  readonly failed: number;
  /** Rows that this relay put aside. */
  readonly died: number;
  /** Sessions opened so far: 1, and one for each reconnection. */
  readonly sessions: number;
}

const FIRST_RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1_000;
const UNDEFINED_TABLE = "42P01";

/**
 * Makes a relay: it takes the events that transactions left in the outbox and applies them to the target, each at least
 * once, also when the process that wrote them died right after its commit. Any number of relays share the work.
 *
 * Rows are claimed with `FOR UPDATE SKIP LOCKED` and stay in the table until their invalidation is in force. Nothing
 * remembers a position, so a row whose transaction commits late is not skipped, however low its number is.
 *
 * @throws InvalidOptionError, InvalidDurationError
 */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const resolved = resolveRelayOptions(options);
  const { clock, logger, random, table, queryTimeoutMs, maxBacklog } = resolved;
  const emitter = new TypedEmitter<RelayEvents>(RELAY_EVENTS, (error) =>
    logger.error({ error }, "outbox: a listener threw"),
  );
  const counters: RelayCounters = { delivered: 0, coalesced: 0, failed: 0, died: 0, sessions: 0 };
  const alarm = new Alarm();
  let session: { readonly ask: Ask; readonly shared: boolean } | undefined;
  let closed = false;
  let release: (() => void) | undefined;
  let started: Promise<void> | undefined;
  let ended: Promise<void> = Promise.resolve();

  /** Keeps a session standing until the relay is closed. */
  async function keepRunning(stands: () => void): Promise<void> {
    try {
      stayAlive();
      await reconnect(stands);
    } finally {
      letGo();
    }
  }

  /**
   * A session keeps its process alive by its socket. Between two of them the relay does, or a process that does nothing else
   * would end, as if its work were done, while the database restarts.
   */
  function stayAlive(): void {
    release ??= holdProcess();
  }

  function letGo(): void {
    release?.();
    release = undefined;
  }

  async function reconnect(stands: () => void): Promise<void> {
    const bornAt = clock.monotonic();
    let downAt = bornAt;
    let pauseMs = FIRST_RECONNECT_MS;
    while (!closed) {
      const before = counters.sessions;
      try {
        await runOnce(() => {
          emitter.emit("relay:up", () => ({ downMs: clock.monotonic() - downAt }));
          stands();
        });
      } catch (error) {
        if (closed) return;
        if (OutboxMissingError.isInstance(error) && counters.sessions === 0) throw error;
        if (counters.sessions > before) {
          pauseMs = FIRST_RECONNECT_MS;
          downAt = clock.monotonic();
        }
        const delayMs = Math.round(pauseMs * (1 - random() / 2));
        logger.warn({ error, delayMs }, "outbox: no session with the database");
        emitter.emit("relay:down", () => ({ error, delayMs }));
        pauseMs = Math.min(LONGEST_RECONNECT_MS, pauseMs * 2);
        alarm.reset();
        if (!closed) await alarm.wait(clock, delayMs);
      }
    }
  }

  async function runOnce(stands: () => void): Promise<void> {
    const connection = await connectInTime();
    let cut!: (error: unknown) => void;
    const lost = new Promise<never>((_, reject) => {
      cut = reject;
    });
    lost.catch(() => {});
    connection.onLost((error) => {
      // Its socket is gone now; a relay that sleeps hears of it when it looks again.
      stayAlive();
      cut(error);
    });
    try {
      const ask = askInTime(connection, lost, cut);
      await prepare(connection, ask);
      session = { ask, shared: connection.shared };
      letGo();
      counters.sessions += 1;
      stands();
      await runSession(
        { options: resolved, emitter, counters, alarm, closed: () => closed },
        connection,
        ask,
      );
    } finally {
      session = undefined;
      stayAlive();
      await connection.end();
    }
  }

  /** A server that swallows everything must not keep the relay from trying again, nor from closing. */
  async function connectInTime(): Promise<OutboxConnection> {
    const connecting = resolved.connect();
    let cancel = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = clock.after(queryTimeoutMs, () => resolve(undefined));
    });
    const connection = await Promise.race([connecting, late]).finally(cancel);
    if (connection !== undefined) return connection;
    connecting.then((tooLate) => tooLate.end()).catch(() => {});
    throw new Error(`No session with PostgreSQL within ${queryTimeoutMs} ms`);
  }

  /**
   * One query at a time, which fails when the session is lost, or is not answered in time: then nothing of the session is
   * trusted any more.
   */
  function askInTime(connection: OutboxConnection, lost: Promise<never>, cut: (error: unknown) => void): Ask {
    let last: Promise<unknown> = Promise.resolve();
    async function askNow(text: string, params?: unknown[]): ReturnType<Ask> {
      const cancel = clock.after(queryTimeoutMs, () =>
        cut(new Error(`PostgreSQL did not answer within ${queryTimeoutMs} ms`)),
      );
      return Promise.race([connection.query(text, params), lost]).finally(cancel);
    }
    return (text, params) => {
      const answer = last.then(() => askNow(text, params));
      last = answer.catch(() => {});
      return answer;
    };
  }

  async function prepare(connection: OutboxConnection, ask: Ask): Promise<void> {
    try {
      await measureBacklog(ask, table, 1, presentSql(connection.shared, clock));
    } catch (cause) {
      if ((cause as { code?: unknown } | null)?.code !== UNDEFINED_TABLE) throw cause;
      throw new OutboxMissingError({ table: table.pending, cause });
    }
    if (!connection.shared) {
      // A relay that stands still in the middle of a batch must not hold its rows for ever.
      const idleMs = resolved.applyTimeoutMs * Math.ceil(resolved.batchSize / resolved.concurrency) + 30_000;
      await ask(`SET idle_in_transaction_session_timeout = ${Math.min(idleMs, 2_147_483_647)}`);
    }
    // Before the first look: what is committed after it rings, what was committed before it is seen.
    await connection.listen(table.channel, () => alarm.ring());
  }

  function start(): Promise<void> {
    if (closed && started === undefined) return Promise.reject(new RelayClosedError());
    started ??= new Promise((resolve, reject) => {
      ended = keepRunning(resolve).then(
        // Closed before it stood; after that, nobody listens any more.
        () => reject(new RelayClosedError()),
        reject,
      );
    });
    return started;
  }

  async function close(): Promise<void> {
    closed = true;
    alarm.ring();
    started?.catch(() => {});
    await ended;
  }

  return {
    start,
    wake: () => alarm.ring(),
    on: (event, handler) => emitter.on(event, handler),
    async getStats() {
      // A database that is away is a figure as well.
      const backlog =
        session &&
        (await measureBacklog(session.ask, table, maxBacklog + 1, presentSql(session.shared, clock)).catch(
          () => undefined,
        ));
      return {
        connected: session !== undefined,
        pending: backlog?.pending ?? null,
        oldestAgeSeconds: backlog === undefined ? null : backlog.oldestAgeMs / 1000,
        dead: backlog?.dead ?? null,
        ...counters,
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
