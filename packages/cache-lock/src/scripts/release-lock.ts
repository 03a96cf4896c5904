import type { AtomicOperation } from "@crm/cache-core";
import { LUA_LEAVE_ALONE, LUA_LONG_WAY } from "./lock-library.ts";
import { LockTwin, pairs, parse, text } from "./lock-twin.ts";

/**
 * Gives a lock back, or leaves its queue, and serves those who wait. Replies `[1 or 0: whether it was still held, watch,
 * own grants…]`. A holder whose lock somebody else gives back, who knows its value, is told.
 */
export const releaseLock: AtomicOperation = {
  name: "releaseLock",
  lua: `${LUA_LEAVE_ALONE}${LUA_LONG_WAY}
-- ARGV: …, token. Atomic: compare, delete and hand over. O(log waiters) and the grants that it makes.
local token, held = ARGV[5], 0
load()
if redis.call('ZSCORE', HOLDERS, token) then
  held = 1
  local process = drop(token)
  if process ~= ME then redis.call('PUBLISH', CHANNEL .. process, 'r' .. token) end
else
  redis.call('ZREM', QUEUE, token)
end
advance()
save()
return {held, watch, unpack(mine)}
`,
  run(db, keys, args) {
    const lock = new LockTwin(db, keys, args);
    const token = text(args[4]);
    let held = 0;
    lock.load();
    if (db.zscore(lock.holders, token) !== null) {
      held = 1;
      lock.drop(token);
      const { process } = parse(token);
      if (process !== lock.me) lock.tell(process, `r${token}`);
    } else {
      db.zrem(lock.queue, token);
    }
    lock.advance();
    lock.save();
    return [held, lock.watch, ...pairs(lock.mine)];
  },
};
