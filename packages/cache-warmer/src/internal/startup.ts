import type { WarmingMetrics } from "../metrics.ts";
import type { resolveStartupOptions } from "../options.ts";
import type { Readiness, ReadinessGate } from "./readiness-gate.ts";
import type { RunContext } from "./run-plan.ts";
import type { Runs } from "./runs.ts";
import type { TaskRecord } from "./task-record.ts";

/** What a task counts as having for a TTL where it leaves that to the cache. */
const USUAL_TTL_MS = 300_000;

/** Starts the run of a process that starts, and lets the gate follow it. */
export function beginStartup(
  { emitter, internals: { logger } }: Pick<RunContext, "emitter" | "internals">,
  runs: Runs,
  gate: ReadinessGate,
  records: readonly TaskRecord[],
  options: ReturnType<typeof resolveStartupOptions>,
  hasMaxAge: boolean,
): Promise<WarmingMetrics> {
  const { readyAt, deadlineMs, maxAgeMs } = options;
  const maxAgeOf = (record: TaskRecord): number =>
    hasMaxAge ? maxAgeMs : (record.settings.ttlMs ?? USUAL_TTL_MS) / 2;
  const run = runs.make("startup", records, options, {
    maxAgeOf,
    newerThanOf: (record, began, now) => Math.min(began, now - maxAgeOf(record)),
  });
  const look = () => ({ remaining: run.remaining(readyAt), failed: run.failed(readyAt) });
  gate.begin(readyAt, deadlineMs, look, ({ reason, remaining, failed, openedAfter }: Readiness) => {
    const fields = { readyAt, remaining, failed, openedAfter };
    if (reason === "deadline") logger.warn(fields, "Ready by deadline: some urgent tasks are not warm yet");
    else if (failed > 0) logger.warn(fields, "Ready, but some urgent tasks have failed");
    else logger.info(fields, "Ready: the urgent tasks have ended");
    emitter.emit("readiness:open", () => ({ reason: reason as "warmed" | "deadline", remaining, failed }));
  });
  run.start(() => gate.look());
  return run.result;
}
