import type { RedisLike } from "./redis-like.ts";

const AGAIN_AFTER_MS = 100;

/**
 * Connects again a client that has given up although nobody closed it. ioredis does so when its fail-over detector takes
 * a connection down that is just asking the Sentinels for the primary: `connect` then fails with "Connection is closed",
 * and the client ends for good, whatever its retry strategy says. With ioredis 6.0.0 about one fail-over in six did that.
 */
export function revive(connection: RedisLike, isClosed: () => boolean): void {
  connection.on("end", () => {
    if (isClosed()) return;
    const timer = setTimeout(() => {
      if (!isClosed() && connection.status === "end") connection.connect().catch(() => {});
    }, AGAIN_AFTER_MS);
    timer.unref();
  });
}
