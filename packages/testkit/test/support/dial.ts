import { once } from "node:events";
import { connect } from "node:net";

/** The code of the error with which a connection fails, or "connected". */
export async function dial({ host, port }: { host: string; port: number }): Promise<string> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return "connected";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
  }
}
