import { StoreUnavailableError } from "../errors.ts";
import { Subscriptions } from "../internal/subscriptions.ts";
import { firmOptions } from "./connect.ts";
import type { RedisLike } from "./redis-like.ts";
import { revive } from "./revive.ts";
import { watchHandshake } from "./watch-handshake.ts";

/** The one connection of a store that listens to channels. Made at the first subscription. */
export class SharedSubscriber {
  readonly #origin: RedisLike;
  readonly #deadlineMs: number;
  readonly #onHandlerError: (error: unknown) => void;
  readonly #subscriptions = new Subscriptions();
  readonly #standing = new Map<string, Promise<void>>();
  #connection: RedisLike | undefined;
  #closed = false;

  constructor(origin: RedisLike, deadlineMs: number, onHandlerError: (error: unknown) => void) {
    this.#origin = origin;
    this.#deadlineMs = deadlineMs;
    this.#onHandlerError = onHandlerError;
  }

  async subscribe(channel: string, handler: (message: string) => void): Promise<() => Promise<void>> {
    if (this.#closed) throw new StoreUnavailableError({ operation: "subscribe", reason: "closed" });
    const isNew = this.#subscriptions.add(channel, handler);
    if (isNew) this.#standing.set(channel, this.#stand(channel));
    try {
      await this.#standing.get(channel);
    } catch (error) {
      this.#subscriptions.remove(channel, handler);
      throw error;
    }
    return async () => {
      if (!this.#subscriptions.remove(channel, handler)) return;
      this.#standing.delete(channel);
      await this.#connection?.unsubscribe(channel).catch(() => {});
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscriptions.clear();
    this.#connection?.disconnect();
    this.#connection?.stream?.destroy();
  }

  async #stand(channel: string): Promise<void> {
    const connection = this.#connect();
    const giveUpAt = performance.now() + Math.max(1_000, this.#deadlineMs);
    for (;;) {
      try {
        if (connection.status !== "ready") await ready(connection, giveUpAt - performance.now());
        await connection.subscribe(channel);
        return;
      } catch (cause) {
        if (performance.now() >= giveUpAt || this.#closed) {
          throw new StoreUnavailableError({ operation: "subscribe", reason: "down", cause });
        }
      }
    }
  }

  #connect(): RedisLike {
    if (this.#connection !== undefined) return this.#connection;
    const connection = duplicate(this.#origin, { autoResubscribe: true });
    connection.on("error", () => {
      // The command connection reports what is wrong with the server; this one only tries again.
    });
    connection.on("message", (channel: string, message: string) => {
      this.#subscriptions.deliver(channel, message, this.#onHandlerError);
    });
    if (connection.isCluster !== true) revive(connection, () => this.#closed);
    this.#connection = connection;
    return connection;
  }
}

/** A further connection to where a client is connected, with the store's own retry manners. */
export function duplicate(origin: RedisLike, extra: object): RedisLike {
  const options = { ...firmOptions(), enableAutoPipelining: false, lazyConnect: false, ...extra };
  const copy = (origin as unknown as { duplicate(...args: unknown[]): RedisLike }).duplicate;
  if (origin.isCluster === true) {
    return copy.call(origin, [], {
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      lazyConnect: false,
    });
  }
  const connection = copy.call(origin, options);
  watchHandshake(connection);
  return connection;
}

/** Resolves when the connection is ready, rejects when `timeoutMs` has passed. */
export function ready(connection: RedisLike, timeoutMs: number): Promise<void> {
  if (connection.status === "ready") return Promise.resolve();
  return new Promise((resolve, reject) => {
    const onReady = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(
      () => {
        connection.off("ready", onReady);
        reject(new StoreUnavailableError({ operation: "connect", reason: "timeout" }));
      },
      Math.max(1, timeoutMs),
    );
    timer.unref();
    connection.once("ready", onReady);
  });
}
