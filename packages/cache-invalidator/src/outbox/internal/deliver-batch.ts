import { CacheError } from "@crm/cache-core";
import { DeliveryTimeoutError } from "../errors.ts";
import type { EntityEvent } from "../invalidation-target.ts";
import type { OutboxRow } from "../relay-events.ts";
import type { ResolvedRelayOptions } from "../relay-options.ts";

/** What became of a batch; of rows that are in neither list, nothing. */
export interface BatchResult {
  readonly delivered: OutboxRow[];
  readonly failed: { readonly row: OutboxRow; readonly error: unknown; readonly counted: boolean }[];
  /** How often the target was called: rows that say the same are one call. */
  readonly calls: number;
}

/** Applies every event of a batch, `concurrency` at a time; none any more once the relay is closed. Never rejects. */
export async function deliverBatch(
  rows: readonly OutboxRow[],
  options: Pick<ResolvedRelayOptions, "target" | "concurrency" | "applyTimeoutMs" | "clock">,
  closed: () => boolean,
): Promise<BatchResult> {
  const groups = new Map<string, OutboxRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.event, row.entityType, row.entityId, row.data, row.actor, row.cause]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const delivered: OutboxRow[] = [];
  const failed: BatchResult["failed"] = [];
  const waiting = [...groups.values()];
  let calls = 0;

  async function work(): Promise<void> {
    while (!closed()) {
      const group = waiting.shift();
      if (group === undefined) return;
      calls += 1;
      try {
        await applyInTime(group[0] as OutboxRow, options);
        delivered.push(...group);
      } catch (error) {
        const counted = !(CacheError.isInstance(error) && error.retryable);
        for (const row of group) failed.push({ row, error, counted });
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.concurrency, groups.size) }, work));
  return { delivered, failed, calls };
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
