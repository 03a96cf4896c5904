import type { AtomicOperation } from "@crm/cache-core";
import { number, readHold, text, writeHold } from "./step-tasks.ts";

/**
 * Keeps tasks that an instance has taken: prolongs their leases and says which of them count as in flight. Replies, for each
 * task, 1 or, when it is somebody else's by now, 0. A lease that ran out while nobody wanted the task is still the holder's.
 */
export const holdTasks: AtomicOperation = {
  name: "holdTasks",
  lua: `
-- KEYS: held. ARGV: token, lease ms, then for each task: task, 1 when it counts or 0.
-- Atomic: the owner is compared and prolonged. O(tasks).
local HELD = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease, replies, kept = tonumber(ARGV[2]), {}, false
for i = 3, #ARGV, 2 do
  local value = redis.call('HGET', HELD, ARGV[i])
  local holder, began = string.match(value or '', '^([^|]*)|%d+|(%d+)|%d$')
  if holder == ARGV[1] then
    redis.call('HSET', HELD, ARGV[i], holder .. '|' .. (now + lease) .. '|' .. began .. '|' .. ARGV[i + 1])
    kept = true
  end
  replies[#replies + 1] = holder == ARGV[1] and 1 or 0
end
if kept and redis.call('PTTL', HELD) < 4 * lease then redis.call('PEXPIREAT', HELD, now + 5 * lease) end
return replies
`,
  run(db, keys, args) {
    const [heldKey] = keys as [string];
    const now = Math.floor(db.nowMs());
    const token = text(args[0]);
    const leaseMs = number(args[1]);
    const replies: number[] = [];
    for (let i = 2; i < args.length; i += 2) {
      const task = text(args[i]);
      const hold = readHold(db.hget(heldKey, task));
      const own = hold !== undefined && hold.token === token;
      if (own) {
        db.hset(
          heldKey,
          task,
          writeHold({ ...hold, lives: now + leaseMs, counts: text(args[i + 1]) === "1" }),
        );
      }
      replies.push(own ? 1 : 0);
    }
    if (replies.includes(1) && db.pttl(heldKey) < 4 * leaseMs) db.pexpireat(heldKey, now + 5 * leaseMs);
    return replies;
  },
};
