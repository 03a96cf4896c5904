import type { EventEmitter } from "node:events";

/**
 * What the store asks of a client: the part of ioredis 5 and 6 that it uses, by shape. Any copy or version of ioredis
 * fits, `Redis` and `Cluster` alike.
 */
export interface RedisLike extends EventEmitter {
  readonly status: string;
  readonly isCluster?: boolean | undefined;
  readonly options: { readonly keyPrefix?: string | undefined };
  getBuffer(key: string): Promise<Buffer | null>;
  mgetBuffer(...keys: string[]): Promise<(Buffer | null)[]>;
  /** ioredis has these two; its types do not list them. */
  evalshaBuffer?(sha: string, keyCount: number, ...args: (string | number | Buffer)[]): Promise<unknown>;
  evalBuffer?(lua: string, keyCount: number, ...args: (string | number | Buffer)[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<number>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
  callBuffer(command: string, ...args: (string | number | Buffer)[]): Promise<unknown>;
  /** As `callBuffer`, with text in the reply. */
  call(command: string, ...args: (string | number | Buffer)[]): Promise<unknown>;
  info(): Promise<string>;
  scan(
    cursor: string,
    patternToken: "MATCH",
    pattern: string,
    countToken: "COUNT",
    count: number,
  ): Promise<[string, string[]]>;
  duplicate(...args: never[]): RedisLike;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  quit(): Promise<unknown>;
  /** ioredis' socket. */
  readonly stream?: { destroy(): unknown } | undefined;
  /** Cluster only: the clients of the nodes. */
  nodes?(role: "master"): RedisLike[];
  /** Cluster only: for each slot the addresses of its nodes, the primary first. A hint, which may be old or missing. */
  readonly slots?: readonly (readonly string[] | undefined)[] | undefined;
}
