import { type CacheInternals, holdProcess, parseDuration } from "@crm/cache-core";
import { HandlerTimeoutError } from "../errors.ts";
import type { CheckedEvent } from "./check-event.ts";
import type { RuleBook } from "./rule-book.ts";

/**
 * Runs the custom handlers of events, at the same time: of equal events that were sent together once, with the data of the
 * last. Resolves to how many failed; each failure is reported.
 */
export async function runHandlers(
  book: RuleBook,
  events: readonly CheckedEvent[],
  timeoutMs: number,
  internals: Pick<CacheInternals, "clock" | "logger" | "emitter">,
): Promise<number> {
  const { clock, logger, emitter } = internals;
  const distinct = new Map(
    events.map((each) => [JSON.stringify([each.event, each.entityType, each.entityId]), each]),
  );
  const outcomes = await Promise.all(
    [...distinct.values()].map(async (event) => {
      const rule = book.get(event.entityType);
      if (rule?.customHandler === undefined) return 0;
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
        const running = (async () => customHandler(event.entityId, event.data, event))();
        await Promise.race([running, timeout]);
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
