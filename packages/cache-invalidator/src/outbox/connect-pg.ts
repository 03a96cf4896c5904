import type { OutboxConnection } from "./outbox-connection.ts";

/** What of a `pg.Client` is needed. */
export interface PgClientLike {
  connect(): Promise<unknown>;
  query(text: string, params?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
  on(event: "notification", handler: (message: { channel: string }) => void): unknown;
  on(event: "error", handler: (error: Error) => void): unknown;
  on(event: "end", handler: () => void): unknown;
  end(): Promise<void>;
}

/** How long a client may take to say goodbye before its socket is cut. */
const GOODBYE_MS = 1_000;

/**
 * Connects a new `pg.Client` for the relay alone. Not one of a pool, and not through PgBouncer in transaction mode: it
 * holds a `LISTEN` and an advisory lock of its session.
 *
 * @example
 * ```ts
 * connect: () => connectPg(new pg.Client({ connectionString, keepAlive: true }))
 * ```
 */
export async function connectPg(client: PgClientLike): Promise<OutboxConnection> {
  const lost = new Set<(error: unknown) => void>();
  let reason: unknown;
  function tellLost(error: unknown): void {
    reason ??= error;
    for (const handler of lost) handler(error);
    lost.clear();
  }
  client.on("error", tellLost);
  client.on("end", () => tellLost(new Error("The connection to PostgreSQL was closed")));
  await client.connect();

  return {
    shared: false,
    query: (text, params) => client.query(text, params),
    async listen(channel, onNotify) {
      client.on("notification", (message) => {
        if (message.channel === channel) onNotify();
      });
      await client.query(`LISTEN "${channel}"`);
    },
    onLost(handler) {
      if (reason === undefined) lost.add(handler);
      else handler(reason);
    },
    async end() {
      lost.clear();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          (client as { connection?: { stream?: { destroy?(): void } } }).connection?.stream?.destroy?.();
          resolve();
        }, GOODBYE_MS);
      });
      await Promise.race([client.end().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}
