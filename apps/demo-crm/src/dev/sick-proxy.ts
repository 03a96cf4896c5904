import { connect, createServer, type Server, type Socket } from "node:net";

/** `slow`: every answer comes so much later. `cut`: connections are ended and refused. `dead`: nothing is answered, nothing ends. */
export type Sickness = "none" | "slow" | "cut" | "dead";

export interface SickProxy {
  readonly port: number;
  /** From now on, for connections that stand as well. */
  become(sickness: Sickness, delayMs?: number): void;
  close(): Promise<void>;
}

/** Stands on loopback in front of a server and makes it look sick on demand. For development only: it knows nothing of TLS. */
export async function startSickProxy(target: { host: string; port: number }): Promise<SickProxy> {
  let sickness: Sickness = "none";
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  /** Hands bytes on, late if they are to be, in their order. While the server is dead they are dropped. */
  function pipe(from: Socket, to: Socket, late: boolean): void {
    let last: Promise<void> = Promise.resolve();
    from.on("data", (bytes) => {
      if (sickness === "dead") return;
      const wait = late && sickness === "slow" ? delayMs : 0;
      const due = wait === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, wait));
      last = last.then(async () => {
        await due;
        if (!to.destroyed) to.write(bytes);
      });
    });
    from.on("end", () => to.end());
    from.on("close", () => to.destroy());
    from.on("error", () => {});
  }

  const server: Server = createServer((client) => {
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
    client.on("error", () => {});
    if (sickness === "cut") return void client.destroy();
    const upstream = connect(target);
    sockets.add(upstream);
    upstream.on("close", () => sockets.delete(upstream));
    pipe(client, upstream, false);
    pipe(upstream, client, true);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    become(next, ms = 0) {
      // What was dropped while it was dead is missing from its stream of bytes: such connections are of no use.
      const ends = next === "cut" || (sickness === "dead" && next !== "dead");
      sickness = next;
      delayMs = ms;
      if (ends) destroyAll();
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        destroyAll();
      });
    },
  };
}
