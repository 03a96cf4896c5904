import { streamSSE } from "hono/streaming";
import { type ChangeMessage, createChangeFeed } from "../live/change-feed.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router } from "./router.ts";

const MAX_STREAMS = 200;
const MAX_WAITING = 100;
/** A connection that is gone without a word is noticed by writing to it. */
const PING_MS = 20_000;

/**
 * `GET /api/changes`: server-sent events for who shows data. `ready` when it is told from now on, with the time for which nothing has been
 * written (`quietMs`), `changes` with what was written in any instance, `resync` when messages may be missing, `away` and `back` when the
 * cache's store is.
 */
export function changesRoutes(closing: AbortSignal): Router {
  const router = createRouter();
  const feed = createChangeFeed();
  let streams = 0;
  if (closing.aborted) feed.close();
  closing.addEventListener("abort", () => feed.close(), { once: true });

  router.get("/changes", (c) => {
    if (closing.aborted || streams >= MAX_STREAMS)
      throw new ProblemError({ status: 503, title: "Too many streams of changes", code: "TOO_MANY_STREAMS" });
    c.header("x-accel-buffering", "no");
    return streamSSE(c, async (stream) => {
      streams++;
      let unfollow = () => {};
      let ping: NodeJS.Timeout | undefined;
      try {
        await new Promise<void>((resolve) => {
          const waiting: ChangeMessage[] = [];
          let isWriting = false;
          const send = (message: ChangeMessage) => {
            // A client that does not read is not waited for: once it reads again, it reads everything again.
            if (waiting.length >= MAX_WAITING) waiting.splice(0, MAX_WAITING, { kind: "resync" });
            else waiting.push(message);
            if (!isWriting) write().catch(() => resolve());
          };
          const write = async () => {
            isWriting = true;
            for (let next = waiting.shift(); next; next = waiting.shift())
              await stream.writeSSE({ event: next.kind, data: JSON.stringify(dataOf(next)) });
            isWriting = false;
          };
          stream.onAbort(resolve);
          ping = setInterval(() => void stream.write(": still here\n\n").catch(() => resolve()), PING_MS);
          unfollow = feed.follow(send, () => resolve());
        });
      } finally {
        clearInterval(ping);
        unfollow();
        streams--;
      }
    });
  });
  return router;
}

function dataOf(message: ChangeMessage): object | null {
  if (message.kind === "changes") return message.changes;
  return message.kind === "ready" ? { quietMs: Math.floor(message.quietMs) } : null;
}
