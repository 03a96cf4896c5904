import type { ChildProcess } from "node:child_process";
import { createServer, type Server, type Socket } from "node:net";

/** What the holder tells an instance along with a connection, and what the instance answers before it reads from it. */
interface HandOver {
  readonly connection: number;
}
interface Taken {
  readonly taken: number;
}

export interface Balancer {
  /** The server that accepts, for `listen`. */
  readonly server: Server;
  /** From now on the instance has its turn, until it exits. */
  add(instance: ChildProcess): void;
  close(): void;
}

/**
 * Hands each connection to the next of the instances that live. `node:cluster` does the same, and loses a connection when the instance
 * dies between being sent it and taking it: the client then waits for ever. Here the holder keeps each connection until the instance has said that it took
 * it, and gives it to another one when that dies before. An instance says so before it reads, so nothing of a request is lost. What was taken ends
 * with the instance, as behind any balancer that does not repeat requests.
 */
export function createBalancer(): Balancer {
  const instances: ChildProcess[] = [];
  /** Handed over and not taken yet. */
  const pending = new Map<number, { readonly socket: Socket; readonly instance: ChildProcess }>();
  /** There is nobody to take them. */
  const waiting = new Set<Socket>();
  let count = 0;

  function handOver(socket: Socket): void {
    const instance = instances.shift();
    if (instance === undefined) {
      waiting.add(socket);
      return;
    }
    instances.push(instance);
    const connection = ++count;
    pending.set(connection, { socket, instance });
    // A failure means that the instance is about to exit; what was pending is handed over then.
    instance.send({ connection } satisfies HandOver, socket, { keepOpen: true }, () => {});
  }

  function remove(instance: ChildProcess): void {
    const at = instances.indexOf(instance);
    if (at >= 0) instances.splice(at, 1);
    for (const [connection, { socket, instance: holder }] of pending) {
      if (holder !== instance) continue;
      pending.delete(connection);
      handOver(socket);
    }
  }

  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on("error", () => {});
    socket.once("close", () => waiting.delete(socket));
    handOver(socket);
  });

  return {
    server,
    add(instance) {
      instances.push(instance);
      instance.on("message", ({ taken }: Partial<Taken>) => {
        if (taken === undefined) return;
        const found = pending.get(taken);
        pending.delete(taken);
        // The instance has its own copy: this one does not end the connection.
        found?.socket.destroy();
      });
      // After everything that it sent has been read.
      instance.once("close", () => remove(instance));
      for (const socket of waiting) {
        waiting.delete(socket);
        handOver(socket);
      }
    },
    close() {
      // It accepts no more from here on. When it has closed is not waited for: having handed sockets to processes that have ended since, Node never says.
      server.close();
      for (const socket of waiting) socket.destroy();
      for (const { socket } of pending.values()) socket.destroy();
    },
  };
}

/** In an instance: has its server serve what it is handed. Returns the function that ends that. */
export function takeConnections(server: Server): () => void {
  const take = (message: Partial<HandOver>, socket?: unknown) => {
    if (message.connection === undefined) return;
    process.send?.({ taken: message.connection } satisfies Taken);
    // Closed while it was on its way.
    if (!socket) return;
    server.emit("connection", socket);
    (socket as Socket).resume();
  };
  process.on("message", take);
  return () => process.off("message", take);
}
