import { locks } from "../cache/index.ts";
import { monthQueries } from "../db/queries/months.ts";

const REMEMBERED = 50;

/**
 * The names of the locks that this app takes: that of the quotes' numbers, one for each month that has deals, and whatever this
 * process has taken besides. The store has no list of locks; looking for them would mean a scan.
 */
export function lockNames(): { read(): Promise<string[]> } {
  const taken = new Set<string>();
  locks.on("lock:acquired", ({ lock }) => {
    taken.delete(lock);
    taken.add(lock);
    if (taken.size > REMEMBERED) taken.delete(taken.values().next().value as string);
  });
  return {
    async read() {
      const months = await monthQueries.findMonths();
      return [...new Set(["quotes:number", ...months.map((month) => `months:${month}`), ...taken])];
    },
  };
}
