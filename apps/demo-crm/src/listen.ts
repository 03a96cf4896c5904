import { createServer, type Server } from "node:net";

export const DEFAULT_PORT = 3000;

export interface ListenOptions {
  readonly host: string;
  readonly port: number | undefined;
  /** Called when the default port is taken. */
  readonly onPortTaken?: ((port: number) => void) | undefined;
}

/**
 * Listens, and resolves to the port. A port that was asked for is used or refused; only the default one gives way to
 * a free one.
 */
export async function listen(server: Server, { host, port, onPortTaken }: ListenOptions): Promise<number> {
  try {
    return await listenOn(server, host, port ?? DEFAULT_PORT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || port !== undefined) throw error;
    onPortTaken?.(DEFAULT_PORT);
    return listenOn(server, host, 0);
  }
}

/** Refuses a port that is taken, as `listen` will, before time is spent on what comes before that. */
export async function checkFree(host: string, port: number): Promise<void> {
  const server = createServer();
  await listenOn(server, host, port);
  await new Promise((resolve) => server.close(resolve));
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}
