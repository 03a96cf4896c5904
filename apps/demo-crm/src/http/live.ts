import { streamSSE } from "hono/streaming";
import { shareTopic } from "../fleet/tell-instances.ts";
import type { LiveFeed } from "../live/live-feed.ts";
import type { Load } from "../live/run-load.ts";
import type { WarmingEvent, WarmingLog } from "../live/warming-log.ts";
import { loadSwitch } from "./inputs.ts";
import { ProblemError } from "./problem.ts";
import { createRouter, type Router, serve } from "./router.ts";

const MAX_STREAMS = 50;

/**
 * `GET /api/live`: a server-sent event `history` with the last samples, then `sample` every second, and `warming` whenever the
 * warmer of this instance has done something.
 */
export function liveRoutes(feed: LiveFeed, load: Load, warming: WarmingLog, closing: AbortSignal): Router {
  const router = createRouter();
  const tag = "demo";
  let streams = 0;
  // The window that shows the load may be served by another instance than the one that was told.
  const turn = (running: boolean) => (running ? load.start() : load.stop());
  const others = shareTopic("load", (running: boolean) => void turn(running));
  closing.addEventListener("abort", others.close, { once: true });
  router.get("/live", (c) => {
    if (streams >= MAX_STREAMS)
      throw new ProblemError({ status: 503, title: "Too many live streams", code: "TOO_MANY_STREAMS" });
    // A proxy that buffers would deliver the seconds in one lump.
    c.header("x-accel-buffering", "no");
    return streamSSE(c, async (stream) => {
      streams++;
      let unfollow = () => {};
      let unfollowWarming = () => {};
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
          // Progress may come a hundred times a second: what a client has not taken yet is replaced by what is newer.
          let pending: WarmingEvent | undefined;
          let telling = false;
          const tell = async () => {
            while (pending !== undefined) {
              const event = pending;
              pending = undefined;
              await stream.writeSSE({ event: "warming", data: JSON.stringify(event) });
            }
          };
          unfollowWarming = warming.follow((event) => {
            pending = event;
            if (telling) return;
            telling = true;
            tell()
              .catch(resolve)
              .finally(() => {
                telling = false;
              });
          });
        });
      } finally {
        unfollow();
        unfollowWarming();
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
      await turn(body.running);
      others.tell(body.running);
      return c.json({ data: load.state() });
    },
  );
  return router;
}
