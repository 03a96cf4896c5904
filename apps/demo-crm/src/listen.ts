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
    if (!isTaken(error) || port !== undefined) throw error;
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
    const refuse = (error: NodeJS.ErrnoException) => reject(explain(error, host, port));
    server.once("error", refuse);
    server.listen({ host, port }, () => {
      server.off("error", refuse);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}

const WHY: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `Port ${port} of ${host} is taken: end what has it, or set PORT to another one, or to 0 for any that is free`,
  EACCES: (_, port) => `Port ${port} is not for everybody on this machine: set PORT to one above 1023`,
  EADDRNOTAVAIL: (host) => `HOST is ${host}, which is no address of this machine`,
  ENOTFOUND: (host) => `HOST is ${host}, a name that has no address`,
};

/** What is wrong, for the person who set it. */
function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const why = WHY[error.code ?? ""];
  return why ? new Error(`${why(host, port)} (${error.code})`, { cause: error }) : error;
}

const isTaken = (error: unknown) =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
