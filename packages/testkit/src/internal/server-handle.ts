import { Redis } from "ioredis";
import type { RedisServer } from "../redis-server.ts";
import type { Backend, LaunchRequest, ServerProcess } from "./backend.ts";
import { createClientPool } from "./client-pool.ts";

/** What a handle must know beyond its process. */
export interface HandleOptions {
  readonly persist: boolean;
  readonly password: string | undefined;
}

/** Starts a server and wraps it. */
export async function launch(
  backend: Backend,
  request: LaunchRequest,
  options: HandleOptions,
): Promise<LaunchedServer> {
  const server = await backend.prepare(request);
  try {
    await server.start();
  } catch (error) {
    await server.remove();
    throw error;
  }
  return wrap(backend, server, options);
}

/** A handle with what only the other handles need. */
export interface LaunchedServer extends RedisServer {
  readonly busPort: number;
}

function wrap(backend: Backend, server: ServerProcess, { persist, password }: HandleOptions): LaunchedServer {
  const pool = createClientPool();
  const address = { host: server.host, port: server.port };
  const auth = password === undefined ? {} : { password };
  let stopped: Promise<void> | undefined;

  /** One command on a connection of its own: the pool's clients belong to the test. */
  async function call(command: string, ...args: string[]): Promise<unknown> {
    const client = new Redis({ ...address, ...auth, lazyConnect: true, retryStrategy: null });
    client.on("error", () => {});
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  async function restart(options: { keepData?: boolean | undefined } = {}): Promise<void> {
    const keepData = options.keepData ?? persist;
    if (keepData && !persist) {
      if (!server.running) {
        throw new Error(
          "restart({ keepData: true }): the server is down and had nothing on disk; start it with persist: true",
        );
      }
      await server.resume();
      await call("SAVE");
    }
    await server.kill();
    const emptied = keepData || (await server.removeData());
    await server.start();
    if (!emptied) await flush();
    // A snapshot is for one restart only: left behind, it would bring the dead back at the next.
    if (keepData && !persist) await server.removeData();
  }

  async function flush(): Promise<void> {
    try {
      await call("FLUSHALL", "SYNC");
    } catch (error) {
      // A replica has no data of its own to lose: it takes over what its primary has.
      if (!String(error).includes("READONLY")) throw error;
    }
  }

  async function stop(): Promise<void> {
    pool.close();
    await server.remove();
  }

  return {
    ...address,
    url: `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}${address.host}:${address.port}`,
    via: backend.via,
    busPort: server.busPort,
    get pid() {
      return server.pid;
    },
    get running() {
      return server.running;
    },
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    restart,
    async configSet(name, value) {
      await call("CONFIG", "SET", name, String(value));
    },
    client: (options) => pool.redis({ ...address, ...auth }, options),
    stop() {
      stopped ??= stop();
      return stopped;
    },
    [Symbol.asyncDispose]() {
      return this.stop();
    },
  };
}
