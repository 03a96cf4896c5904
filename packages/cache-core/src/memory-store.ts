import { type Clock, systemClock } from "./clock.ts";
import { StoreUnavailableError } from "./errors.ts";
import { BUS_FIELD, readBusEntry } from "./internal/bus-entry.ts";
import { createMemoryDatabase } from "./internal/memory-database.ts";
import { retention } from "./internal/retention.ts";
import { Subscriptions } from "./internal/subscriptions.ts";
import type { Follower, FollowHandlers, Store, StoreInfo, StoreWarning } from "./store.ts";

/** Options of `memoryStore`. */
export interface MemoryStoreOptions {
  /** @default the system's clock */
  clock?: Clock | undefined;
  /** Uniform in [0, 1). @default Math.random */
  random?: (() => number) | undefined;
  /**
   * Every step of the store waits for this first. A test passes its scheduler here to decide the order in which the
   * callers' steps happen. @default one microtask
   */
  turn?: ((operation: string) => Promise<void>) | undefined;
}

/** How many expired keys one operation clears away. Two more than it can create keeps memory bounded. */
const SWEEP_PER_OPERATION = 8;

/**
 * The embedded store: everything in this process, with the results, errors and TTL arithmetic of Redis. Several
 * caches may share one store; they then behave like processes that share a server.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const clock = options.clock ?? systemClock;
  const turn = options.turn;
  const subscriptions = new Subscriptions();
  const followers = new Map<string, Set<() => void>>();
  const warningHandlers = new Set<(warning: StoreWarning) => void>();
  const warn = (warning: StoreWarning): void => {
    for (const handler of warningHandlers) handler(warning);
  };
  const reportSubscriber = (cause: unknown): void =>
    warn({ code: "SUBSCRIBER", message: "A subscriber failed; the others were served.", cause });
  let closed = false;
  let tickMs = 0;
  let tick = 0;
  /** The wall clock tells milliseconds. Steps within one are told apart by microseconds, as in Redis. */
  function now(): number {
    const ms = Math.floor(clock.wall());
    tick = ms === tickMs ? Math.min(tick + 1, 999) : 0;
    tickMs = ms;
    return ms + (tick + 0.5) / 1000;
  }
  const database = createMemoryDatabase({
    clock,
    now,
    random: options.random ?? Math.random,
    onPublish(channel, message) {
      const text = message.toString("utf8");
      queueMicrotask(() => subscriptions.deliver(channel, text, reportSubscriber));
      return subscriptions.count(channel);
    },
    onAppend(stream) {
      for (const wake of followers.get(stream) ?? []) queueMicrotask(wake);
    },
  });

  /** Runs a step after the caller's turn has come. */
  async function step<T>(operation: string, work: () => T): Promise<T> {
    await turn?.(operation);
    if (closed) throw new StoreUnavailableError({ operation, reason: "closed" });
    return database.atomic(() => {
      database.sweepExpired(SWEEP_PER_OPERATION);
      return work();
    });
  }

  /** The bytes of a string key; a key of another type is no entry. */
  function read(key: string): Buffer | null {
    try {
      return database.get(key);
    } catch (cause) {
      const message = "A key of this namespace holds another type: a miss.";
      warn({ code: "FOREIGN_TYPE", message, key, cause });
      return null;
    }
  }

  function follow(stream: string, handlers: FollowHandlers): Follower {
    let cursor = database.xrevrange(stream, "+", "-", 1)[0]?.id ?? "0-0";
    let stopped = false;
    const wake = (): void => {
      if (stopped) return;
      const entries = database.xrange(stream, `(${cursor}`, "+");
      if (entries.length === 0) return;
      cursor = (entries[entries.length - 1] as { id: string }).id;
      handlers.onEntries(
        entries.map(({ id, fields }) => ({
          id,
          message: readBusEntry((fields.get(BUS_FIELD) as Buffer).toString("utf8")).message,
        })),
      );
    };
    const known = followers.get(stream) ?? new Set();
    known.add(wake);
    followers.set(stream, known);
    return {
      // In one process nothing is ever lost.
      get aliveUntil() {
        return stopped || closed ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      },
      started: Promise.resolve(),
      async stop() {
        stopped = true;
        known.delete(wake);
        if (known.size === 0) followers.delete(stream);
      },
    };
  }

  async function close(): Promise<void> {
    closed = true;
    subscriptions.clear();
    followers.clear();
    database.clear();
  }

  return {
    specVersion: 1,
    topology: "memory",
    buckets: 1,
    ready: () => Promise.resolve(),
    get: (key) => step("get", () => read(key)),
    getMany: (keys) => step("getMany", () => keys.map(read)),
    run: (operation, keys, args) => step(operation.name, () => operation.run(database, keys, args)),
    runDurably: (operation, keys, args) =>
      step(operation.name, () => ({ reply: operation.run(database, keys, args), acknowledged: 0 })),
    serverNow: () => Math.floor(clock.wall()),
    // Every step is taken, or refused, before its caller hears of it.
    giveUpAt: async () => null,
    publish: (channel, message) =>
      step("publish", () => database.publish(channel, Buffer.from(message, "utf8"))),
    async subscribe(channel, handler) {
      if (closed) throw new StoreUnavailableError({ operation: "subscribe", reason: "closed" });
      // In one process no message is ever missed, so no gap is ever reported.
      const subscription = { channel, handler, onGap: undefined };
      subscriptions.add(subscription);
      return async () => {
        subscriptions.remove(subscription);
      };
    },
    follow,
    async *scan(prefix) {
      for (const page of database.keysWithPrefix(prefix, 1000)) {
        yield page;
        await Promise.resolve();
      }
    },
    async info(): Promise<StoreInfo> {
      return {
        connected: !closed,
        usedMemoryBytes: database.byteEstimate,
        clients: 1,
        evictionPolicy: "noeviction",
        maxMemoryBytes: 0,
        evictedKeys: 0,
      };
    },
    get available() {
      return !closed;
    },
    onAvailability: () => () => {},
    onWarning(handler) {
      warningHandlers.add(handler);
      return () => warningHandlers.delete(handler);
    },
    retain: retention(close),
    close,
  };
}
