import type { AtomicArgument, AtomicOperation } from "../atomic-operation.ts";
import { StoreReplyError, StoreUnavailableError } from "../errors.ts";
import type { Store } from "../store.ts";

/**
 * Runs an operation that writes what nobody asked for any more if it acts late: `argumentsFor` is given the last server
 * time, in ms, at which it may act, or "" for any. Resolves to its reply, a number above 0; 0 says that it came too late.
 *
 * Too late without having been slow: the server's clock was set forward, or is another server's. It is asked for, and
 * the operation tried once more; nothing was done the first time.
 */
export async function runInTime(
  store: Store,
  operation: AtomicOperation,
  keys: readonly string[],
  argumentsFor: (until: number | "") => readonly AtomicArgument[],
): Promise<number> {
  for (const fresh of [false, true]) {
    const until = await store.giveUpAt(keys[0] as string, fresh);
    const reply = await store.run(operation, keys, argumentsFor(until ?? ""), { deadlineMs: 0, until });
    if (typeof reply !== "number") throw new StoreReplyError({ operation: operation.name, received: reply });
    if (reply > 0) return reply;
  }
  throw new StoreUnavailableError({ operation: operation.name, reason: "timeout" });
}
