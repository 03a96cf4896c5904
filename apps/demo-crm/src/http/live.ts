import { streamSSE } from "hono/streaming";
import type { LiveFeed } from "../live/live-feed.ts";
import type { Load } from "../live/run-load.ts";
import { loadSwitch } from "./inputs.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";

const MAX_STREAMS = 50;

/** `GET /api/live`: a server-sent event `history` with the last samples, then `sample` every second. */
export function liveRoutes(feed: LiveFeed, load: Load): Router {
  const router = createRouter();
  const tag = "demo";
  let streams = 0;
  router.get("/live", (c) => {
    if (streams >= MAX_STREAMS)
      throw new ProblemError({ status: 503, title: "Too many live streams", code: "TOO_MANY_STREAMS" });
    // A proxy that buffers would deliver the seconds in one lump.
    c.header("x-accel-buffering", "no");
    return streamSSE(c, async (stream) => {
      streams++;
      let unfollow = () => {};
      try {
        await stream.writeSSE({ event: "history", data: JSON.stringify(feed.history()) });
        await new Promise<void>((resolve) => {
          let writing = false;
          stream.onAbort(resolve);
          unfollow = feed.follow((sample) => {
            // A client that does not read misses samples; they are not kept for it.
            if (writing) return;
            writing = true;
            stream
              .writeSSE({ event: "sample", data: JSON.stringify(sample) })
              .catch(resolve)
              .finally(() => {
                writing = false;
              });
          }, resolve);
        });
      } finally {
        unfollow();
        streams--;
      }
    });
  });
  serve(router, { method: "get", path: "/load", tag, summary: "How the load goes" }, (c) =>
    c.json({ data: load.state() }),
  );
  // Without a session, as the page is: it is bounded, and what it writes is the version of a row.
  serve(
    router,
    { method: "post", path: "/load", tag, summary: "Starts or stops the load", body: loadSwitch },
    async (c, { body }) => {
      await (body.running ? load.start() : load.stop());
      return c.json({ data: load.state() });
    },
  );
  return router;
}
