import { createServer, type Socket } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
import { lastStatus, message, type WireMessage, WireReader } from "./wire.ts";

export interface ServedDatabase {
  readonly url: string;
  close(): Promise<void>;
}

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const VERSION_3 = 196_608;
/** Somebody who has the session and says nothing is cut off. */
const SILENCE_MS = 10_000;

const int = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const READY = message("Z", Buffer.from("I"));
const WELCOME = Buffer.concat([
  message("R", int(0)),
  ...Object.entries({
    client_encoding: "UTF8",
    standard_conforming_strings: "on",
    integer_datetimes: "on",
  }).map(([name, value]) => message("S", name, value)),
  message("K", int(0), int(0)),
  READY,
]);
const SYNC = message("S");
const ROLLBACK = message("Q", "ROLLBACK");

type Database = Pick<PGlite, "execProtocolRaw">;

/**
 * Lets other processes use the embedded Postgres of this one, over a socket on loopback. It has one session, which its clients have in
 * turn: from their first message until Postgres is ready for the next query outside a transaction. So a statement that is
 * prepared, described and executed in several messages meets no other in between, and neither does a transaction.
 *
 * Enough to look at several instances without installing a server, and nothing to measure a database by.
 */
export async function serveEmbedded(database: Database): Promise<ServedDatabase> {
  const turns = new Turns();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.setNoDelay(true);
    serve(socket, database, turns);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  });
  const { port } = server.address() as { port: number };
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await turns.take();
    },
  };
}

/** Who has the session: one after the other, in the order in which they came. */
class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves, when it is one's turn, to what ends it. */
  async take(): Promise<() => void> {
    const turn = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = turn.promise;
    await before;
    return turn.resolve;
  }
}

function serve(socket: Socket, database: Database, turns: Turns): void {
  const reader = new WireReader();
  const waiting: WireMessage[] = [];
  let wake = () => {};
  let working = false;

  /** The next message of a client who has the session; `undefined` when it is gone or silent. */
  async function nextMessage(): Promise<WireMessage | undefined> {
    if (waiting.length === 0 && !socket.destroyed) {
      const timer = setTimeout(() => socket.destroy(), SILENCE_MS);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      clearTimeout(timer);
    }
    return waiting.shift();
  }

  async function oneTurn(): Promise<void> {
    const end = await turns.take();
    let status: ReturnType<typeof lastStatus>;
    try {
      while (status !== "I") {
        const next = await nextMessage();
        if (next === undefined) break;
        const answer = await database.execProtocolRaw(next.bytes);
        status = lastStatus(answer);
        if (!socket.destroyed && answer.length > 0) socket.write(answer);
      }
    } finally {
      // Gone in the middle: the session is left as the next one expects it.
      if (status !== "I") {
        await database.execProtocolRaw(SYNC);
        await database.execProtocolRaw(ROLLBACK);
      }
      end();
    }
  }

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    try {
      while (waiting.length > 0) await oneTurn();
    } catch {
      socket.destroy();
    } finally {
      working = false;
    }
  }

  function greet(first: WireMessage): void {
    const code = first.bytes.length >= 8 ? first.bytes.readInt32BE(4) : 0;
    if (code === SSL_REQUEST || code === GSS_REQUEST) socket.write("N");
    else if (code === VERSION_3) {
      reader.start();
      socket.write(WELCOME);
    } else socket.destroy();
  }

  socket.on("data", (bytes) => {
    try {
      reader.push(bytes);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (next.type === "") greet(next);
        else if (next.type === "X") socket.end();
        else waiting.push(next);
      }
    } catch {
      socket.destroy();
    }
    wake();
    void work();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    waiting.length = 0;
    wake();
  });
}
