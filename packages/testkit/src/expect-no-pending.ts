import { setImmediate } from "node:timers/promises";

/** Something that may have work outstanding: fetches in flight, timers, subscriptions, waiting callers. */
export interface PendingSource {
  /** For the message. @default "source" */
  readonly name?: string | undefined;
  /** How much is outstanding, in all or by kind. */
  pending(): number | Readonly<Record<string, number>>;
}

// Taken now: a test with fake timers replaces it, and would wait for ever.
const nextTurn = setImmediate;

/**
 * Fails if any source still has work outstanding one turn of the event loop from now, and says which and what.
 *
 * @example
 * ```ts
 * await expectNoPending({ name: "cache", pending: () => ({ fills: cache.getStats().fillsInFlight }) });
 * ```
 */
export async function expectNoPending(...sources: readonly PendingSource[]): Promise<void> {
  await nextTurn();
  const outstanding = sources.flatMap((source) => describe(source.name ?? "source", source.pending()));
  if (outstanding.length > 0) throw new Error(`Still pending: ${outstanding.join(", ")}`);
}

function describe(name: string, pending: number | Readonly<Record<string, number>>): string[] {
  const kinds = typeof pending === "number" ? { "": pending } : pending;
  return Object.entries(kinds)
    .filter(([, count]) => count !== 0)
    .map(([kind, count]) => `${name}: ${count}${kind && ` ${kind}`}`);
}
