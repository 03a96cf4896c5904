import type { Redis } from "ioredis";
import type { ClientOptions } from "./internal/client-pool.ts";

export type { ClientOptions, ClusterClientOptions } from "./internal/client-pool.ts";

/** How a server was found: somebody else's by its URL, or one of our own in a container or a process. */
export type RedisVia = "url" | "docker" | "local";

/** What {@link RedisServer.restart} takes. */
export interface RestartOptions {
  /**
   * Whether the data survives. A server without `persist` writes a snapshot before it goes, so it must still be
   * running; after a `kill()` only a server with `persist` has anything left.
   *
   * @default the server's `persist`
   */
  readonly keepData?: boolean | undefined;
}

/**
 * A Redis server for tests, and what can happen to one.
 *
 * All verbs resolve when their effect can be observed: after `kill()` a connection is refused, after `pause()` a
 * `PING` hangs, after `restart()` one is answered.
 */
export interface RedisServer extends AsyncDisposable {
  /** `redis://[:password@]host:port`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly via: RedisVia;
  /** Process id on this machine; `undefined` in a container, for an external server, and while it is down. */
  readonly pid: number | undefined;
  /** Whether the process is there, which a paused one is. */
  readonly running: boolean;
  /** SIGKILL: connections are reset, new ones are refused, what was not persisted is lost. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay, the kernel accepts new ones, nothing is answered. */
  pause(): Promise<void>;
  /** SIGCONT: what arrived during the pause is answered now. */
  resume(): Promise<void>;
  /** Ends the server if it is running (or paused) and starts it at the same address. */
  restart(options?: RestartOptions): Promise<void>;
  /** `CONFIG SET`. A restart forgets it. */
  configSet(name: string, value: string | number): Promise<void>;
  /**
   * A connected client, closed by `stop()`. Its `error` events are swallowed, so a fault is not printed; commands
   * still reject. With `lazyConnect: true` it is not connected yet.
   */
  client(options?: ClientOptions): Promise<Redis>;
  /** Closes the clients, ends the server and removes its files. May be called twice. */
  stop(): Promise<void>;
}
