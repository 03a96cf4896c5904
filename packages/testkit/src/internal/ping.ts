import { connect } from "node:net";

/**
 * Whether a Redis answers at `host:port` and is done with loading. Speaks the inline protocol on a socket of its own
 * because a client would retry, and because a server that wants a password ("-NOAUTH") is up as well.
 */
export function answersPing(host: string, port: number, timeoutMs = 200): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done(false), timeoutMs);
    socket.once("error", () => done(false));
    socket.once("close", () => done(false));
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (reply) => done(/^(\+PONG|-NOAUTH)/.test(reply.toString("latin1"))));
  });
}
