import { StoreUnavailableError } from "../errors.ts";
import { crc16 } from "../internal/crc16.ts";
import { firmOptions } from "./connect.ts";
import type { RedisLike } from "./redis-like.ts";
import { watchHandshake } from "./watch-handshake.ts";

const SLOTS = 16_384;
const SHORT_PAUSE_MS = 25;
const LONG_PAUSE_MS = 200;

/** What the user of a link is told. */
export interface LinkHandlers {
  /** A connection stands: the first one, or another in its place. */
  onReady?(connection: RedisLike): void;
  /** It is gone. What was sent to it and not answered is lost. */
  onLost?(): void;
}

/**
 * A further connection beside that of a client, for a job that needs one to itself: to the same server, through the same
 * sentinels, or to one node of a Cluster. When it is lost another is made.
 *
 * In a Cluster that is a plain connection to one node. ioredis' own means, `Cluster.duplicate()`, finds the Cluster anew,
 * connects to its nodes one by one as commands need them, and hides the sockets, so that one that fell silent cannot be
 * replaced; its subscriber cannot be asked for a `PING`.
 */
export class Link {
  readonly #origin: RedisLike;
  readonly #handlers: LinkHandlers;
  /** In a Cluster the node that owns this key is meant, otherwise any. */
  readonly #key: string | undefined;
  #connection: RedisLike | undefined;
  /** Connections that were made since one worked. */
  #attempts = 0;
  /** The node that was tried last, in a Cluster. */
  #turn = Math.floor(Math.random() * SLOTS);
  #elsewhere = false;
  #reminding = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #waiting = new Set<(connection: RedisLike | undefined) => void>();

  constructor(origin: RedisLike, handlers: LinkHandlers, key?: string) {
    this.#origin = origin;
    this.#handlers = handlers;
    this.#key = key;
    this.#open();
  }

  /** The connection, when it stands. */
  get connection(): RedisLike | undefined {
    return this.#connection?.status === "ready" ? this.#connection : undefined;
  }

  /** Resolves when a connection stands, rejects with `StoreUnavailableError` when `timeoutMs` has passed. */
  ready(timeoutMs: number): Promise<RedisLike> {
    const { connection } = this;
    if (connection !== undefined) return Promise.resolve(connection);
    return new Promise((resolve, reject) => {
      const settle = (next: RedisLike | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        if (next !== undefined) resolve(next);
        else reject(new StoreUnavailableError({ operation: "connect", reason: "timeout" }));
      };
      const timer = setTimeout(() => settle(undefined), Math.max(1, timeoutMs));
      timer.unref();
      this.#waiting.add(settle);
    });
  }

  /** The connection does what it is for: when it is lost, the next one is made at once. */
  works(): void {
    this.#attempts = 0;
    this.#elsewhere = false;
  }

  /** Gives the connection up and makes another; `elsewhere`: with another node of the Cluster. */
  replace(elsewhere = false): void {
    this.#elsewhere ||= elsewhere;
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.disconnect();
    // Without waiting for a peer that may be gone without a word.
    connection.stream?.destroy();
  }

  /** Whether the node at the other end is one of those that the client knows; always so outside of a Cluster. */
  get belongs(): boolean {
    if (this.#origin.isCluster !== true || this.#origin.status !== "ready") return true;
    const own = this.#connection === undefined ? undefined : addressOf(this.#connection);
    return (
      own === undefined || (this.#origin.nodes?.("master") ?? []).some((node) => addressOf(node) === own)
    );
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const settle of [...this.#waiting]) settle(undefined);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.disconnect();
    connection?.stream?.destroy();
  }

  #open(): void {
    const source = this.#source();
    if (source === undefined) {
      this.#openLater(SHORT_PAUSE_MS);
      return;
    }
    this.#attempts++;
    const connection = duplicate(source);
    this.#connection = connection;
    let stood = false;
    connection.on("error", () => {
      // The command connection reports what is wrong with the server; this one only tries again.
    });
    connection.on("ready", () => {
      if (this.#connection !== connection) return;
      stood = true;
      this.#handlers.onReady?.(connection);
      for (const settle of [...this.#waiting]) settle(connection);
    });
    connection.once("end", () => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      if (stood) this.#handlers.onLost?.();
      else this.#elsewhere = true;
      this.#openLater(Math.min(SHORT_PAUSE_MS * this.#attempts, LONG_PAUSE_MS));
    });
  }

  #openLater(pauseMs: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#open(), pauseMs);
    this.#timer.unref();
  }

  /** The client whose options lead to where the link is to go. */
  #source(): RedisLike | undefined {
    if (this.#origin.isCluster !== true) return this.#origin;
    // While the client looks for its Cluster it knows none.
    const nodes = this.#origin.nodes?.("master") ?? [];
    if (this.#key !== undefined) {
      const owner = this.#origin.slots?.[crc16(hashed(this.#key)) % SLOTS]?.[0];
      const node = nodes.find((each) => addressOf(each) === owner);
      if (node === undefined || this.#elsewhere) this.#remind(this.#key);
      if (node !== undefined && !this.#elsewhere) return node;
    }
    return nodes[++this.#turn % nodes.length];
  }

  /**
   * Lets the client find the node of a key. It forgets nodes whose connections end, and looks for them only when a
   * command needs one, or every 5 seconds: so long no link could be made to the only node that will do.
   */
  #remind(key: string): void {
    if (this.#reminding || this.#origin.status !== "ready") return;
    this.#reminding = true;
    const end = (): void => {
      this.#reminding = false;
    };
    this.#origin.callBuffer("EXISTS", key).then(end, end);
  }
}

/** The part of a key that decides on its slot. */
function hashed(key: string): string {
  const from = key.indexOf("{");
  const to = from === -1 ? -1 : key.indexOf("}", from + 1);
  return to > from + 1 ? key.slice(from + 1, to) : key;
}

function addressOf(node: RedisLike): string {
  const { host, port } = node.options as { host?: string; port?: number };
  return `${host}:${port}`;
}

/** A connection like that of a client, which never makes itself anew. */
function duplicate(source: RedisLike): RedisLike {
  const options = {
    ...firmOptions(),
    enableAutoPipelining: false,
    autoResubscribe: false,
    lazyConnect: false,
    retryStrategy: null,
  };
  const connection = (source as unknown as { duplicate(options: object): RedisLike }).duplicate(options);
  watchHandshake(connection);
  return connection;
}
