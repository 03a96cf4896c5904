import { randomBytes } from "node:crypto";
import pg from "pg";
import { type PostgresProcess, preparePostgres } from "./internal/postgres-process.ts";

/** What {@link startPostgres} takes. */
export interface StartPostgresOptions {
  /** Settings as in `postgresql.conf`, e.g. `{ max_connections: 300 }`. @default 200 connections, `fsync` off */
  readonly config?: Readonly<Record<string, string | number>> | undefined;
  /** Insists on a server of our own, since the test wants to kill it. Implied by `config`. @default false */
  readonly control?: boolean | undefined;
}

/** A PostgreSQL server for tests, with one database of its own that is empty at the start. */
export interface PostgresServer extends AsyncDisposable {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly via: "url" | "local";
  /** Process id on this machine; `undefined` for an external server, and while it is down. */
  readonly pid: number | undefined;
  /** An immediate shutdown, as in a crash: sessions are cut off, what was committed is there after `restart()`. */
  kill(): Promise<void>;
  /** Ends the server if it is running and starts it at the same address, with its data. */
  restart(): Promise<void>;
  /**
   * A connected client, closed by `stop()`. Its `error` events are swallowed, so a fault is not printed; queries still
   * reject.
   */
  client(): Promise<pg.Client>;
  /** Another empty database of the server; resolves to its URL. Dropped by `stop()`. */
  createDatabase(): Promise<string>;
  /** Closes the clients, drops the databases, ends a server of our own and removes its files. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts (or finds) a PostgreSQL server: the one at `TEST_POSTGRES_URL`, else the newest under `/usr/lib/postgresql`,
 * else the one in the `PATH`, else one that is installed here and now as root on Debian or Ubuntu. It runs as an
 * unprivileged user, listens on loopback, and wants a password that nobody else knows. Finding none is an error, never a
 * reason to skip a test.
 *
 * @example
 * ```ts
 * await using postgres = await startPostgres();
 * const client = await postgres.client();
 * await client.query("SELECT 1");
 * ```
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<PostgresServer> {
  const external = process.env.TEST_POSTGRES_URL || undefined;
  const needsOwn = options.control === true || options.config !== undefined;
  if (external !== undefined && !needsOwn) return wrap(external, undefined);
  const password = randomBytes(16).toString("hex");
  const server = await preparePostgres(password, options.config ?? {});
  const url = `postgres://postgres:${password}@${server.host}:${server.port}/postgres`;
  try {
    await server.start(() => answers(url));
    return await wrap(url, server);
  } catch (error) {
    await server.remove();
    throw error;
  }
}

async function wrap(adminUrl: string, server: PostgresProcess | undefined): Promise<PostgresServer> {
  const address = new URL(adminUrl);
  const clients = new Set<pg.Client>();
  const databases: string[] = [];
  let stopped: Promise<void> | undefined;

  async function createDatabase(): Promise<string> {
    const name = `crm_test_${randomBytes(6).toString("hex")}`;
    await once(adminUrl, `CREATE DATABASE ${name}`);
    databases.push(name);
    const url = new URL(adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  }

  function own(verb: string): PostgresProcess {
    if (server !== undefined) return server;
    throw new Error(
      `${verb}() refused: the server at TEST_POSTGRES_URL is not ours. Start one with startPostgres({ control: true })`,
    );
  }

  async function stop(): Promise<void> {
    await Promise.all([...clients].map((client) => client.end().catch(() => {})));
    if (server !== undefined) return server.remove();
    for (const name of databases) await once(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }

  const url = await createDatabase();
  return {
    url,
    host: address.hostname,
    port: Number(address.port || 5432),
    via: server === undefined ? "url" : "local",
    get pid() {
      return server?.pid;
    },
    async kill() {
      await own("kill").kill();
    },
    async restart() {
      await own("restart").kill();
      await own("restart").start(() => answers(adminUrl));
    },
    async client() {
      const client = new pg.Client({ connectionString: url });
      client.on("error", () => {});
      await client.connect();
      clients.add(client);
      client.once("end", () => clients.delete(client));
      return client;
    },
    createDatabase,
    stop: () => (stopped ??= stop()),
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

async function answers(url: string): Promise<boolean> {
  return once(url, "SELECT 1").then(
    () => true,
    () => false,
  );
}

async function once(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => {});
  }
}
