import type { AtomicOperation } from "@crm/cache-core";
import { LUA_LOCK } from "./lock-library.ts";
import { bulk, LockTwin, pairs } from "./lock-twin.ts";

/** Takes a lock from whoever holds it, tells them, and serves those who wait. Replies `[watch, number taken, those taken…, own grants…]`. */
export const forceReleaseLock: AtomicOperation = {
  name: "forceReleaseLock",
  lua: `${LUA_LOCK}
-- Atomic: as a whole. O(holders) and the grants that it makes.
load()
local taken = redis.call('ZRANGE', HOLDERS, 0, -1)
for _, token in ipairs(taken) do
  redis.call('PUBLISH', CHANNEL .. drop(token), 'f' .. token)
end
advance()
save()
local reply = {watch, #taken}
for _, token in ipairs(taken) do reply[#reply + 1] = token end
for _, each in ipairs(mine) do reply[#reply + 1] = each end
return reply
`,
  run(db, keys, args) {
    const lock = new LockTwin(db, keys, args);
    lock.load();
    const taken = lock.byEnd();
    for (const token of taken) lock.tell(lock.drop(token), `f${token}`);
    lock.advance();
    lock.save();
    return [lock.watch, taken.length, ...taken.map(bulk), ...pairs(lock.mine)];
  },
};
