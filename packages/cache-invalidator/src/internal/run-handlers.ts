import type { AsyncLocalStorage } from "node:async_hooks";
import { type CacheInternals, holdProcess, parseDuration } from "@crm/cache-core";
import { HandlerTimeoutError } from "../errors.ts";
import type { CheckedEvent } from "./check-event.ts";
import type { RuleBook } from "./rule-book.ts";

/** A handler that runs, and the one that it was called in. */
export interface RunningHandler {
  readonly name: string;
  readonly outer: RunningHandler | undefined;
  open: boolean;
}

/**
 * Runs the custom handlers of events, at the same time: of equal events that were sent together once, with the data of the
 * last. What a handler invalidates has handlers, too; but none runs again for the event that it is running for, so handlers
 * that invalidate one another's entities end. Resolves to how many failed; each failure is reported.
 */
export async function runHandlers(
  book: RuleBook,
  events: readonly CheckedEvent[],
  timeoutMs: number,
  internals: Pick<CacheInternals, "clock" | "logger" | "emitter">,
  running: AsyncLocalStorage<RunningHandler>,
): Promise<number> {
  const { clock, logger, emitter } = internals;
  const distinct = new Map(
    events.map((each) => [JSON.stringify([each.event, each.entityType, each.entityId]), each]),
  );
  const outcomes = await Promise.all(
    [...distinct].map(async ([name, event]) => {
      const rule = book.get(event.entityType);
      if (rule?.customHandler === undefined) return 0;
      const outer = openOne(running.getStore());
      if (isRunning(name, outer)) {
        const { entityType: entity } = event;
        logger.warn(
          { entity },
          "A custom handler has invalidated what it was called for; it is not called again",
        );
        return 0;
      }
      const own: RunningHandler = { name, outer, open: true };
      const ms =
        rule.handlerTimeout === undefined ? timeoutMs : parseDuration(rule.handlerTimeout, "handlerTimeout");
      const { customHandler } = rule;
      let cancel: () => void = () => {};
      const timeout = new Promise<never>((_, reject) => {
        const error = new HandlerTimeoutError({ entityType: event.entityType, timeoutMs: ms });
        const cancelTimer = clock.after(ms, () => reject(error));
        const release = holdProcess();
        cancel = () => {
          cancelTimer();
          release();
        };
      });
      try {
        const call = running.run(own, async () => customHandler(event.entityId, event.data, event));
        call.finally(() => (own.open = false)).catch(() => {});
        await Promise.race([call, timeout]);
        return 0;
      } catch (error) {
        logger.warn({ err: error, entity: event.entityType }, "A custom handler of an invalidation failed");
        if (emitter.wants("background:error"))
          emitter.emit("background:error", { where: "invalidation handler", error });
        return 1;
      } finally {
        cancel();
      }
    }),
  );
  return outcomes.reduce<number>((sum, failed) => sum + failed, 0);
}

/** The innermost that has not ended: what a handler has begun may go on after it. */
export function openOne(handler: RunningHandler | undefined): RunningHandler | undefined {
  let each = handler;
  while (each !== undefined && !each.open) each = each.outer;
  return each;
}

function isRunning(name: string, handler: RunningHandler | undefined): boolean {
  for (let each = handler; each !== undefined; each = openOne(each.outer)) {
    if (each.name === name) return true;
  }
  return false;
}
