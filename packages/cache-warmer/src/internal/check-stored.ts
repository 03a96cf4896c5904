import type { CacheInternals } from "@crm/cache-core";
import type { TaskRecord } from "./task-record.ts";

/** A task that another instance has stored, and when, ms of the store's clock. */
export interface StoredElsewhere {
  readonly record: TaskRecord;
  readonly at: number;
}

/** A task whose entry is there, and until when it is fresh; `undefined` where the store could not be asked. */
export interface StillThere {
  readonly record: TaskRecord;
  readonly freshUntil: number | undefined;
}

/** What another instance has stored may be gone again: then it has to be loaded after all. */
export async function checkStored(
  internals: CacheInternals,
  now: () => number,
  stored: readonly StoredElsewhere[],
): Promise<{ readonly there: readonly StillThere[]; readonly gone: readonly StoredElsewhere[] }> {
  const names = stored.map(({ record }) => record.name);
  const times = await internals.times(names).catch(() => undefined);
  if (times === undefined)
    return { there: stored.map(({ record }) => ({ record, freshUntil: undefined })), gone: [] };
  const there: StillThere[] = [];
  const gone: StoredElsewhere[] = [];
  stored.forEach((each, nth) => {
    const entry = times[nth];
    if (entry == null || entry.freshUntil <= now()) gone.push(each);
    else there.push({ record: each.record, freshUntil: entry.freshUntil });
  });
  return { there, gone };
}
