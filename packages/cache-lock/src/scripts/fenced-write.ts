import type { AtomicOperation } from "@crm/cache-core";
import { number, text } from "./lock-twin.ts";

/**
 * Writes a value unless a higher fence was seen. Replies `[1, fence]`, or `[0, the higher fence]`, and then nothing was
 * changed. Without a value it only notes the fence. The expiry only moves away. `[-1]` where the fence that was seen is damaged: then
 * nobody can say who is stale, and nothing was changed.
 */
export const fencedWrite: AtomicOperation = {
  name: "fencedWrite",
  lua: `
-- KEYS: resource, a hash of 'f' fence and 'v' value. ARGV: fence, ttl ms, '1' with a value, value.
-- Atomic: compare and set. O(1).
local seen = tonumber(redis.call('HGET', KEYS[1], 'f') or 0)
if not seen then return {-1} end
if seen > tonumber(ARGV[1]) then return {0, seen} end
redis.call('HSET', KEYS[1], 'f', ARGV[1])
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'v', ARGV[4]) end
-- Never less than was promised before: whoever is paused that long must still be refused.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  local time = redis.call('TIME')
  redis.call('PEXPIREAT', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2])
end
return {1, tonumber(ARGV[1])}
`,
  run(db, keys, args) {
    const key = keys[0] as string;
    const fence = number(args[0]);
    const seen = Number(db.hget(key, "f")?.toString() ?? 0);
    if (Number.isNaN(seen)) return [-1];
    if (seen > fence) return [0, seen];
    db.hset(key, "f", Buffer.from(text(args[0])));
    const value = args[3];
    if (text(args[2]) === "1") db.hset(key, "v", Buffer.isBuffer(value) ? value : Buffer.from(text(value)));
    if (db.pttl(key) < number(args[1])) db.pexpireat(key, Math.floor(db.nowMs()) + number(args[1]));
    return [1, fence];
  },
};
