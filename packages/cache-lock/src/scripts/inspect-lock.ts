import type { AtomicOperation } from "@crm/cache-core";
import { LUA_LOCK } from "./lock-library.ts";
import { bulk, LockTwin } from "./lock-twin.ts";

/** Replies `[last fence, number of waiters, then for each holder: token, ms left, record]`. Changes nothing. */
export const inspectLock: AtomicOperation = {
  name: "inspectLock",
  lua: `${LUA_LOCK}
-- Atomic: one look. O(holders).
local meta = redis.call('HGET', STATE, 'm') or ''
local reply = {tonumber(string.match(meta, '^%d+') or 0), redis.call('ZCARD', QUEUE)}
local holders = redis.call('ZRANGE', HOLDERS, 0, -1, 'WITHSCORES')
for i = 1, #holders, 2 do
  local left = holders[i + 1] - now
  if left > 0 then
    reply[#reply + 1] = holders[i]
    reply[#reply + 1] = left
    reply[#reply + 1] = redis.call('HGET', STATE, holders[i]) or ''
  end
end
return reply
`,
  run(db, keys, args) {
    const lock = new LockTwin(db, keys, args);
    const found = lock.byEnd().flatMap((token) => {
      const left = (db.zscore(lock.holders, token) as number) - lock.now;
      return left > 0 ? [bulk(token), left, bulk(lock.record(token))] : [];
    });
    return [Number(/^\d+/.exec(lock.record("m"))?.[0] ?? 0), db.zcard(lock.queue), ...found];
  },
};
