import type { HolderReply } from "./internal/lock-calls.ts";
import { parse } from "./scripts/lock-twin.ts";

/** Who holds a lock. */
export interface LockHolder {
  /** As given to `createLocks`; empty for `cache.acquireLock` and while a grant was not claimed yet. */
  readonly owner: string;
  readonly fence: number;
  /** 1 for a mutex and a reader; of a semaphore what was taken; of a writer everything there is. */
  readonly permits: number;
  /** Seconds until its lease ends, unless it is renewed. */
  readonly ttl: number;
}

/** Where a lock stands. */
export interface LockInfo {
  /** The holder of a mutex; of several the one whose lease ends first. */
  readonly holder: LockHolder | null;
  readonly holders: readonly LockHolder[];
  /** How many wait for it; among them may be some that died a moment ago. */
  readonly waiters: number;
  /** The last number that the lock has given out, as a fence or as a ticket; 0 when it is not known. */
  readonly fence: number;
}

/** Makes what `inspect` resolves to of what the store replied. */
export function describeLock(found: {
  readonly fence: number;
  readonly waiters: number;
  readonly holders: readonly HolderReply[];
}): LockInfo {
  const holders = found.holders.map(describeHolder);
  return {
    holder: holders[0] ?? null,
    holders,
    waiters: found.waiters,
    fence: found.fence,
  };
}

/** A record is `fence|owner`, or `?fence` before the grant is claimed. The value is not shown: it is the right to release. */
function describeHolder({ token, leftMs, record }: HolderReply): LockHolder {
  const bar = record.indexOf("|");
  return {
    owner: bar === -1 ? "" : record.slice(bar + 1),
    fence: Number(/\d+/.exec(record)?.[0] ?? 0),
    permits: parse(token).permits,
    ttl: leftMs / 1_000,
  };
}
