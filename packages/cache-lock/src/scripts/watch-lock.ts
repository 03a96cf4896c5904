import type { AtomicOperation } from "@crm/cache-core";
import { ANNOUNCED_AGAIN, LUA_LOCK } from "./lock-library.ts";
import { LockTwin, pairs } from "./lock-twin.ts";

/**
 * Looks after grants: those that were not claimed in time are passed on, the others are announced once more, in case
 * the first message was lost. Replies `[ms until the next look, or -1, own grants…]`.
 */
export const watchLock: AtomicOperation = {
  name: "watchLock",
  lua: `${LUA_LOCK}
-- Atomic: as a whole. O(${ANNOUNCED_AGAIN}) and the grants that it makes.
load()
advance()
if watch == -1 and #mine == 0 then
  local ends = -1
  for _, token in ipairs(redis.call('ZRANGE', HOLDERS, 0, ${ANNOUNCED_AGAIN - 1})) do
    if string.sub(redis.call('HGET', STATE, token) or '', 1, 1) == '?' then
      local process = parse(token)
      redis.call('PUBLISH', CHANNEL .. process, 'g' .. token)
      if ends == -1 then ends = tonumber(redis.call('ZSCORE', HOLDERS, token)) end
    end
  end
  if ends ~= -1 then watch = ends - now + 1 end
end
save()
return {watch, unpack(mine)}
`,
  run(db, keys, args) {
    const lock = new LockTwin(db, keys, args);
    lock.load();
    lock.advance();
    if (lock.watch === -1 && lock.mine.length === 0) {
      const ends = lock.announceAgain();
      if (ends !== -1) lock.watch = ends - lock.now + 1;
    }
    lock.save();
    return [lock.watch, ...pairs(lock.mine)];
  },
};
