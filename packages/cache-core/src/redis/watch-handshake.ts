import type { RedisLike } from "./redis-like.ts";

/** A handshake takes a few round trips; one that says nothing for so long is begun anew. */
const PATIENCE_MS = 500;

/**
 * Gives up handshakes that hang: a server that is stopped, or gone without a word, accepts a connection and says
 * nothing, and a client waits for it for ever.
 */
export function watchHandshake(connection: RedisLike): void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => clearTimeout(timer);
  const start = (): void => {
    stop();
    timer = setTimeout(() => {
      if (connection.status === "connect") connection.stream?.destroy();
    }, PATIENCE_MS);
    timer.unref();
  };
  connection.on("connect", start);
  for (const event of ["ready", "close", "end"]) connection.on(event, stop);
  if (connection.status === "connect") start();
}
