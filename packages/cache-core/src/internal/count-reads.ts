import type { ReadCounting, ReadSink } from "../read-sink.ts";
import type { Shared } from "./shared.ts";

/** See `CacheInternals.countReads`. */
export function countReads({ emitter, tier }: Shared, sink: ReadSink): ReadCounting {
  // What was served before is for those who have counted since then, if anybody.
  tier?.tellServed();
  const stop = emitter.addSink(sink);
  return {
    collect: () => tier?.tellServed(),
    stop,
  };
}
