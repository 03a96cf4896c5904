import { createServer, type Server } from "node:net";

/** Below the range that Linux, macOS and Windows hand out for outgoing connections: nobody lands here by accident. */
const FIRST_PORT = 11_000;
const LAST_PORT = 20_998;
/** Where the cluster bus listens, relative to the port of its node; Redis' own default. */
export const CLUSTER_BUS_OFFSET = 10_000;

/** A port that is nobody else's until it is released. */
export interface ReservedPort {
  readonly port: number;
  /** `port + 10000`, free as well, for a node's cluster bus. */
  readonly busPort: number;
  release(): Promise<void>;
}

/**
 * Reserves an even port, without occupying it, for as long as this process lives.
 *
 * Asking the system for "any free port" and closing it again is a race: test processes run at the same time, and a
 * killed server must find its port still free when it is started again. So the odd port above is kept open as a
 * flag. It is released by the kernel if this process dies, which a lock file would not be.
 */
export async function reservePort(): Promise<ReservedPort> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const span = (LAST_PORT - FIRST_PORT) / 2;
    const port = FIRST_PORT + 2 * Math.floor(Math.random() * span);
    const flag = await listen(port + 1);
    if (!flag) continue;
    if ((await isFree(port)) && (await isFree(port + CLUSTER_BUS_OFFSET))) {
      flag.unref();
      return { port, busPort: port + CLUSTER_BUS_OFFSET, release: () => close(flag) };
    }
    await close(flag);
  }
  throw new Error(`No free port between ${FIRST_PORT} and ${LAST_PORT} after 500 attempts`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (probe) await close(probe);
  return probe !== undefined;
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
