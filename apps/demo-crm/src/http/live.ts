import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { LiveFeed } from "../live/live-feed.ts";
import type { Load } from "../live/run-load.ts";
import { loadSwitch } from "./inputs.ts";
import { ProblemError } from "./problem.ts";
import { bodyOf } from "./validate.ts";

const MAX_STREAMS = 50;

/** `GET /api/live`: a server-sent event `history` with the last samples, then `sample` every second. */
export function liveRoutes(feed: LiveFeed, load: Load) {
  let streams = 0;
  return new Hono()
    .get("/live", (c) => {
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
    })
    .get("/load", (c) => c.json({ data: load.state() }))
    .post("/load", async (c) => {
      const { running } = await bodyOf(c, loadSwitch);
      await (running ? load.start() : load.stop());
      return c.json({ data: load.state() });
    });
}
