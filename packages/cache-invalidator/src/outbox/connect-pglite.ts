import type { OutboxConnection } from "./outbox-connection.ts";

/** What of a `PGlite` is needed. */
export interface PgliteLike {
  query(text: string, params?: unknown[]): Promise<{ rows: unknown[] }>;
  listen(channel: string, handler: (payload: string) => void): Promise<() => Promise<void>>;
}

/**
 * The relay's session with an embedded database. It is the application's session too, so the relay opens no transaction:
 * run one relay, in the process that has the database.
 *
 * @example
 * ```ts
 * connect: () => connectPglite(database)
 * ```
 */
export async function connectPglite(database: PgliteLike): Promise<OutboxConnection> {
  const endings: (() => Promise<void>)[] = [];
  return {
    shared: true,
    async query(text, params) {
      const { rows } = await database.query(text, params);
      return { rows: rows as Record<string, unknown>[] };
    },
    async listen(channel, onNotify) {
      endings.push(await database.listen(`"${channel}"`, onNotify));
    },
    // It is part of this process: it goes when the process goes.
    onLost() {},
    async end() {
      for (const stop of endings.splice(0)) await stop().catch(() => {});
    },
  };
}
