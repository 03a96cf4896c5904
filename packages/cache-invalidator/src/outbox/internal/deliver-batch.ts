import { CacheError } from "@crm/cache-core";
import { DeliveryTimeoutError } from "../errors.ts";
import type { EntityEvent } from "../invalidation-target.ts";
import type { OutboxRow } from "../relay-events.ts";
import type { ResolvedRelayOptions } from "../relay-options.ts";

/** What became of a batch. */
export interface BatchResult {
  readonly delivered: OutboxRow[];
  readonly failed: { readonly row: OutboxRow; readonly error: unknown; readonly counted: boolean }[];
  /** How often the target was called: rows that say the same are one call. */
  readonly calls: number;
}

/** Applies every event of a batch, `concurrency` at a time. Never rejects. */
export async function deliverBatch(
  rows: readonly OutboxRow[],
  options: Pick<ResolvedRelayOptions, "target" | "concurrency" | "applyTimeoutMs" | "clock">,
): Promise<BatchResult> {
  const groups = new Map<string, OutboxRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.event, row.entityType, row.entityId, row.data, row.actor, row.cause]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const result: BatchResult = { delivered: [], failed: [], calls: groups.size };
  const waiting = [...groups.values()];

  async function work(): Promise<void> {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      try {
        await applyInTime(group[0] as OutboxRow, options);
        result.delivered.push(...group);
      } catch (error) {
        const counted = !(CacheError.isInstance(error) && error.retryable);
        for (const row of group) result.failed.push({ row, error, counted });
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.concurrency, groups.size) }, work));
  return result;
}

function applyInTime(
  row: OutboxRow,
  { target, applyTimeoutMs, clock }: Pick<ResolvedRelayOptions, "target" | "applyTimeoutMs" | "clock">,
): Promise<unknown> {
  const { id: _id, attempts: _attempts, ageMs: _ageMs, ...event } = row;
  return new Promise((resolve, reject) => {
    const cancel = clock.after(applyTimeoutMs, () =>
      reject(new DeliveryTimeoutError({ timeoutMs: applyTimeoutMs })),
    );
    // A target that throws instead of rejecting is no different.
    new Promise((settle) => settle(target.apply(event satisfies EntityEvent)))
      .then(resolve, reject)
      .finally(cancel);
  });
}
