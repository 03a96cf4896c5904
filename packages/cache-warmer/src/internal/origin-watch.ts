import type { RunContext } from "./run-plan.ts";

/** Tells the limiter that a load begins. Call what is returned when it has ended, with whether it says something of the origin. */
export function timeLoad(
  { gauge, internals, emitter, limiter }: Pick<RunContext, "gauge" | "internals" | "emitter" | "limiter">,
  name: string,
  category: string,
): (counts?: boolean) => void {
  if (limiter === null) return () => {};
  const { clock } = internals;
  const load = limiter.begin(name, category, clock.monotonic());
  return (counts = true) => {
    if (limiter.end(load, gauge.inFlight, clock.monotonic(), counts)) {
      emitter.emit("limiter:window", () => limiter.state);
    }
  };
}
