import { connect, type Socket } from "node:net";
import { createLane, type Lane, type LinkState } from "./proxy-lane.ts";

export type { LinkState } from "./proxy-lane.ts";

/** One connection of a client, and the one to the server behind it. */
export interface Link {
  /** Whether the client still holds its end. */
  readonly clientOpen: boolean;
  /** To be called after each change of the state. */
  update(): void;
  /** RST to both sides. */
  reset(): void;
}

/** Couples an accepted connection with one to `target`. `onClosed` is called once, when nothing of it is left. */
export function createLink(
  client: Socket,
  target: { readonly host: string; readonly port: number },
  state: LinkState,
  onClosed: (link: Link) => void,
): Link {
  let upstream: Socket | undefined;
  let openSockets = 1;
  let clientOpen = true;
  /** Bytes were dropped: the two sides no longer agree on the stream, it cannot go on. */
  let lost = false;
  /** The server's side is gone and the client does not know. */
  let orphan = false;

  const toServer = createLane(
    () => client,
    () => upstream,
    state,
    false,
  );
  const toClient = createLane(
    () => upstream,
    () => client,
    state,
    true,
  );

  function attach(socket: Socket, lane: () => Lane, from: "client" | "server"): void {
    socket.on("data", (chunk) => {
      if (state.fault === "drop") lost = true;
      else if (!orphan) lane().push({ kind: "data", chunk });
      else if (from === "client" && state.fault === "none") client.resetAndDestroy();
    });
    socket.on("end", () => ended("end"));
    // An error is a reset by that side; Node destroys the socket by itself.
    socket.on("error", () => ended("reset"));
    socket.on("drain", () => other().pump());
    socket.on("close", () => {
      openSockets -= 1;
      if (openSockets === 0) finish();
    });

    function ended(kind: "end" | "reset"): void {
      if (from === "client") clientOpen = false;
      if (orphan) client.destroy();
      else if (state.fault === "drop") lost = true;
      else lane().push({ kind });
    }
    function other(): Lane {
      return from === "client" ? toClient : toServer;
    }
  }

  function connectUpstream(): void {
    const socket = connect({ ...target, noDelay: true, allowHalfOpen: true });
    upstream = socket;
    openSockets += 1;
    attach(socket, () => toClient, "server");
  }

  function update(): void {
    if (state.fault === "half-open" && !orphan) {
      orphan = true;
      clear();
      upstream?.resetAndDestroy();
    }
    if (state.fault !== "none" || orphan) return;
    if (lost) {
      reset();
      return;
    }
    if (!upstream) connectUpstream();
    toServer.pump();
    toClient.pump();
  }

  function clear(): void {
    toServer.clear();
    toClient.clear();
  }

  function reset(): void {
    clear();
    client.resetAndDestroy();
    upstream?.resetAndDestroy();
  }

  function finish(): void {
    clientOpen = false;
    clear();
    onClosed(link);
  }

  const link: Link = {
    get clientOpen() {
      return clientOpen;
    },
    update,
    reset,
  };
  attach(client, () => toServer, "client");
  // Nothing was dropped yet, but whoever connects into a hole that swallows must not be served after it.
  if (state.fault === "drop") lost = true;
  update();
  return link;
}
