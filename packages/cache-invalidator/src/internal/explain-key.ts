import { compileGlob } from "@crm/cache-core";
import type { HistoryLog } from "./history-log.ts";
import { type HistoryRecord, toHistory } from "./records.ts";

/** Which events took a key. */
export interface KeyHistory {
  readonly key: string;
  /** Newest first, with the pattern or dependency that covered the key. Of events that were sent together the first. */
  readonly removedBy: readonly (HistoryRecord & { readonly because: string })[];
}

/** Searches the durable history for what covered a key. */
export async function explainKey(log: HistoryLog, key: string, limit: number): Promise<KeyHistory> {
  const removedBy: (HistoryRecord & { because: string })[] = [];
  for await (const wire of log.units({})) {
    const pattern = [...wire.p, ...(wire.sp ?? [])].find((each) => compileGlob(each).matches(key));
    const [record] = toHistory(wire) as [HistoryRecord];
    if (pattern !== undefined) removedBy.push({ ...record, because: `pattern ${pattern}` });
    else if (wire.dk?.includes(key) === true) {
      removedBy.push({ ...record, because: `depends on ${record.entityType}:${record.entityId}` });
    }
    if (removedBy.length >= limit) break;
  }
  return { key, removedBy };
}
