import type { AtomicOperation } from "@crm/cache-core";
import { CLEARED_MS, KEPT_MS, LUA_LOCK } from "./lock-library.ts";
import { LockTwin, number, text } from "./lock-twin.ts";

/**
 * Lets a lease end so many ms from now. Replies 1, or 0 when it is not the caller's, or no longer. Allowed while the server is
 * out of memory, for it needs none: who holds a lock is not to lose it for that.
 */
export const renewLock: AtomicOperation = {
  name: "renewLock",
  lua: `#!lua flags=allow-oom
${LUA_LOCK}
-- ARGV: …, token, ttl ms. Atomic: compare and prolong. O(log holders). Refused, it changes nothing.
local ends = redis.call('ZSCORE', HOLDERS, ARGV[5])
if not ends or tonumber(ends) <= now then return 0 end
local at = now + ARGV[6]
redis.call('ZADD', HOLDERS, at, ARGV[5])
keep(HOLDERS, at + ${CLEARED_MS}, 1000)
keep(STATE, math.max(at, now + ${KEPT_MS}), ${KEPT_MS})
return 1
`,
  run(db, keys, args) {
    const lock = new LockTwin(db, keys, args);
    const token = text(args[4]);
    const ends = db.zscore(lock.holders, token);
    if (ends === null || ends <= lock.now) return 0;
    const at = lock.now + number(args[5]);
    db.zadd(lock.holders, at, token);
    lock.keep(lock.holders, at + CLEARED_MS, 1_000);
    lock.keep(lock.state, Math.max(at, lock.now + KEPT_MS), KEPT_MS);
    return 1;
  },
};
