import { StoreUnavailableError } from "../errors.ts";
import { type Subscription, Subscriptions } from "../internal/subscriptions.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Link } from "./link.ts";
import type { RedisLike } from "./redis-like.ts";

/** How long a new subscription may take, at least. */
const PATIENCE_MS = 1_000;
/** A server that is slow for a moment is left alone: in place of its connection messages would be lost. */
const DEADLINES_OF_A_HEARTBEAT = 5;

/**
 * The one connection of a store that listens to channels. Made at the first subscription.
 *
 * A heartbeat notices when it falls silent; it is then replaced, every channel is subscribed to again, and whoever
 * listened is told of the gap.
 */
export class SharedSubscriber {
  readonly #origin: RedisLike;
  readonly #deadlineMs: number;
  readonly #onHandlerError: (error: unknown) => void;
  readonly #subscriptions = new Subscriptions();
  readonly #standing = new Map<string, Promise<void>>();
  /** Channels that stood once: they are subscribed to again over every new connection. */
  readonly #stood = new Set<string>();
  readonly #heartbeat: Heartbeat;
  /** How often in a row the node was found not to belong to the Cluster. */
  #strange = 0;
  #link: Link | undefined;
  #closed = false;

  constructor(origin: RedisLike, deadlineMs: number, onHandlerError: (error: unknown) => void) {
    this.#origin = origin;
    this.#deadlineMs = deadlineMs;
    this.#onHandlerError = onHandlerError;
    // In a Cluster a node that answers may have left it, which is looked at now and then.
    const mostSpared = origin.isCluster === true ? 4 : Number.POSITIVE_INFINITY;
    this.#heartbeat = new Heartbeat(DEADLINES_OF_A_HEARTBEAT * deadlineMs, mostSpared);
  }

  async subscribe(
    channel: string,
    handler: (message: string) => void,
    onGap?: (() => void) | undefined,
  ): Promise<() => Promise<void>> {
    if (this.#closed) throw new StoreUnavailableError({ operation: "subscribe", reason: "closed" });
    const subscription: Subscription = { channel, handler, onGap };
    if (this.#subscriptions.add(subscription)) this.#standing.set(channel, this.#stand(channel));
    try {
      await this.#standing.get(channel);
    } catch (error) {
      if (this.#subscriptions.remove(subscription)) this.#forget(channel);
      throw error;
    }
    return async () => {
      if (!this.#subscriptions.remove(subscription)) return;
      this.#forget(channel);
      const connection = this.#link?.connection;
      if (connection !== undefined)
        await within(connection.unsubscribe(channel), this.#deadlineMs).catch(() => {});
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscriptions.clear();
    this.#heartbeat.stop();
    this.#link?.close();
  }

  #forget(channel: string): void {
    this.#standing.delete(channel);
    this.#stood.delete(channel);
    if (this.#subscriptions.size === 0) this.#heartbeat.stop();
  }

  async #stand(channel: string): Promise<void> {
    const link = this.#connect();
    const giveUpAt = performance.now() + Math.max(PATIENCE_MS, this.#deadlineMs);
    for (;;) {
      try {
        const connection = await link.ready(giveUpAt - performance.now());
        await within(connection.subscribe(channel), giveUpAt - performance.now());
        if (this.#subscriptions.count(channel) > 0) this.#stood.add(channel);
        return;
      } catch (cause) {
        if (performance.now() >= giveUpAt || this.#closed) {
          throw new StoreUnavailableError({ operation: "subscribe", reason: "down", cause });
        }
      }
    }
  }

  #connect(): Link {
    this.#link ??= new Link(this.#origin, { onReady: (connection) => this.#begin(connection) });
    const { connection } = this.#link;
    if (connection !== undefined && !this.#heartbeat.running) this.#watch(connection);
    return this.#link;
  }

  /** A connection stands: what was subscribed to over an earlier one is subscribed to again. */
  #begin(connection: RedisLike): void {
    connection.on("message", (channel: string, message: string) => {
      this.#heartbeat.heard();
      this.#subscriptions.deliver(channel, message, this.#onHandlerError);
    });
    this.#strange = 0;
    if (this.#subscriptions.size > 0) this.#watch(connection);
    for (const channel of this.#stood) void this.#resume(connection, channel);
  }

  async #resume(connection: RedisLike, channel: string): Promise<void> {
    try {
      await connection.subscribe(channel);
    } catch {
      // Lost again, and tried again over the next; a server that refuses is left for another.
      if (this.#link?.connection === connection) this.#link.replace(true);
      return;
    }
    if (this.#link?.connection !== connection || !this.#stood.has(channel)) return;
    this.#link.works();
    this.#subscriptions.reportGap(channel, this.#onHandlerError);
  }

  #watch(connection: RedisLike): void {
    const link = this.#link as Link;
    this.#heartbeat.start({
      ping: () => connection.ping(),
      onAlive: () => {
        if (link.connection !== connection) return;
        link.works();
        // A node that left the Cluster lives and hears nothing any more; a client may forget one for a moment.
        this.#strange = link.belongs ? 0 : this.#strange + 1;
        if (this.#strange === 2) link.replace(true);
      },
      onSilent: () => {
        if (link.connection === connection) link.replace(true);
      },
    });
  }
}

/** The result of something, or a rejection when it takes too long. */
function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Not answered in time")), Math.max(1, timeoutMs));
    timer.unref();
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
