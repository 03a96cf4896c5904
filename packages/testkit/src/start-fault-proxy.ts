import { createServer, type Server, type Socket } from "node:net";
import { createLink, type Link, type LinkState } from "./internal/proxy-link.ts";
import { reservePort } from "./internal/reserve-port.ts";

/** What {@link startFaultProxy} takes. */
export interface StartFaultProxyOptions {
  /** Where the connections go. */
  readonly target: { readonly host: string; readonly port: number };
}

/** What {@link FaultProxy.blackHole} takes. */
export interface BlackHoleOptions {
  /**
   * What becomes of the bytes that arrive meanwhile. `hold`: they are delivered by `heal()`, as when TCP retransmits
   * after a short outage. `drop`: they are lost, and `heal()` resets the connections, as after a long one.
   *
   * @default "hold"
   */
  readonly packets?: "hold" | "drop" | undefined;
}

/**
 * A TCP proxy on the loopback, and what can happen to a network. Of `blackHole` and `halfOpen` the latest is in force;
 * `cut` ends either, and must be healed before another. Latency and slow reading come on top. `heal()` ends all of them.
 *
 * Every fault is in force when its call returns; the promise of `cut()` and `heal()` resolves when the port is closed
 * or open again.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `redis://host:port`. */
  readonly url: string;
  /** Number of connections that clients have open through the proxy. */
  readonly connections: number;
  /** Number of connections ever accepted. */
  readonly accepted: number;
  /** Adds `ms` to each round trip, half of it either way. Order is kept. 0 ends it. */
  setLatency(ms: number): void;
  /** Resets every connection on both sides, and refuses new ones. */
  cut(): Promise<void>;
  /** Keeps and accepts connections; nothing is delivered in either direction. */
  blackHole(options?: BlackHoleOptions): void;
  /**
   * The server is gone and the clients are not told: their connections stay open, also new ones, and their bytes go
   * nowhere. After `heal()` such a connection is reset by the first byte that the client sends on it, as a host that came
   * back would do.
   */
  halfOpen(): void;
  /**
   * What the server sends trickles to the clients at this rate, so that it piles up in the server's output buffer.
   * `undefined` ends it.
   */
  slowReader(bytesPerSecond: number | undefined): void;
  /** Ends every fault. */
  heal(): Promise<void>;
  /** Resets every connection and frees the port. */
  close(): Promise<void>;
}

/**
 * Starts a {@link FaultProxy} in front of `target`.
 *
 * @example
 * ```ts
 * await using proxy = await startFaultProxy({ target: redis });
 * const client = new Redis(proxy.port, proxy.host);
 * proxy.blackHole();
 * ```
 */
export async function startFaultProxy({ target }: StartFaultProxyOptions): Promise<FaultProxy> {
  const host = "127.0.0.1";
  const { port, release } = await reservePort();
  const links = new Set<Link>();
  const state: LinkState = { fault: "none", latencyMs: 0, bytesPerSecond: undefined };
  let server: Server | undefined;
  let accepted = 0;
  let closed: Promise<void> | undefined;

  function accept(client: Socket): void {
    accepted += 1;
    const address = { host: target.host, port: target.port };
    links.add(createLink(client, address, state, (link) => links.delete(link)));
  }

  function listen(): Promise<void> {
    // Half-open sockets on either side are a link's own business.
    const next = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    server = next;
    return new Promise((resolve, reject) => {
      next.once("error", reject);
      next.listen({ host, port, exclusive: true }, () => resolve());
    });
  }

  function unlisten(): Promise<void> {
    const old = server;
    server = undefined;
    return old ? new Promise((resolve) => old.close(() => resolve())) : Promise.resolve();
  }

  function change(fault: LinkState["fault"]): void {
    if (state.fault === "cut") throw new Error("The proxy is cut; heal() it before another fault");
    state.fault = fault;
    for (const link of links) link.update();
  }

  async function cut(): Promise<void> {
    state.fault = "cut";
    const unlistened = unlisten();
    for (const link of links) link.reset();
    await unlistened;
  }

  async function heal(): Promise<void> {
    state.latencyMs = 0;
    state.bytesPerSecond = undefined;
    state.fault = "none";
    for (const link of links) link.update();
    if (!server && !closed) await listen();
  }

  async function shut(): Promise<void> {
    await cut();
    await release();
  }

  function close(): Promise<void> {
    closed ??= shut();
    return closed;
  }

  await listen();
  return {
    host,
    port,
    url: `redis://${host}:${port}`,
    get connections() {
      return [...links].filter((link) => link.clientOpen).length;
    },
    get accepted() {
      return accepted;
    },
    setLatency(ms) {
      state.latencyMs = ms;
    },
    cut,
    blackHole: ({ packets = "hold" } = {}) => change(packets === "hold" ? "hold" : "drop"),
    halfOpen: () => change("half-open"),
    slowReader(bytesPerSecond) {
      state.bytesPerSecond = bytesPerSecond;
      for (const link of links) link.update();
    },
    heal,
    close,
    [Symbol.asyncDispose]: close,
  };
}
