import type { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

/** More than the pools of eight instances. */
const MAX_CONNECTIONS = 100;

export interface ServedDatabase {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Lets other processes use the embedded Postgres of this one, over a socket on loopback. It is one session that everybody shares,
 * a statement or a transaction at a time: enough to look at three instances without installing anything, and no database to
 * measure. Where a server is at hand, `DATABASE_URL` is the better way.
 */
export async function serveEmbedded(db: PGlite): Promise<ServedDatabase> {
  const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: MAX_CONNECTIONS });
  await server.start();
  return {
    url: `postgres://postgres:none@${server.getServerConn()}/postgres`,
    close: () => server.stop(),
  };
}
