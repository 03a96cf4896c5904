import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { MAX_COUNT, number } from "./plan.ts";
import { doubles, packed, stringAt, whole } from "./state/bytes.ts";
import { WINDOW_BYTES, WINDOW_TAG } from "./state/window-image.ts";

/**
 * One call of one fixed window, by itself: what nearly every call is. It reads no plan, makes no tables, and asks for the time only
 * to begin a window, since a window that runs ends when its key expires; that is most of what `checkLimits` costs the server. It decides
 * the same. Where anything is unusual it changes nothing, replies nothing, and `checkLimits` has to be asked: a state that is blocked,
 * damaged, reserved, from the future, of a longer window or of another type, one without an expiry, a cost above the limit.
 */
export const checkWindow: AtomicOperation = {
  name: "checkWindow",
  lua: `
-- KEYS: the state. ARGV: cost (1 or more), limit, window in ms.
-- Replies cost left and ms until all is back, when it was spent; these and ms to wait, when not; as little-endian doubles. Or nil.
-- Atomic: one key is read, judged and written. O(1). On a refusal nothing is written.
-- Arithmetic turns text into numbers for less than 'tonumber'; what is no string has no length of 25.
local cost, limit = ARGV[1] + 0, ARGV[2] + 0
if cost > limit then return false end
local raw = redis.pcall('GET', KEYS[1])
if not raw then
  local time, window = redis.call('TIME'), ARGV[3] + 0
  local finish = time[1] * 1000 + math.floor(time[2] / 1000) + window
  redis.call('SET', KEYS[1], struct.pack('>Bddd', ${WINDOW_TAG}, cost, finish, window), 'PXAT', finish)
  return struct.pack('<dd', limit - cost, window)
end
if #raw ~= ${WINDOW_BYTES} then return false end
local tag, count = struct.unpack('>Bd', raw)
local left = redis.call('PTTL', KEYS[1])
if tag ~= ${WINDOW_TAG} or left <= 0 or left > ARGV[3] + 0 or not (count >= 0 and count <= ${MAX_COUNT}) or count % 1 ~= 0 then return false end
if count + cost > limit then return struct.pack('<ddd', math.max(0, limit - count), left, left) end
count = count + cost
redis.call('SETRANGE', KEYS[1], '1', struct.pack('>d', count))
return struct.pack('<dd', limit - count, left)
`,
  run(db, keys, args) {
    const key = keys[0] as string;
    const [cost, limit, windowMs] = args.map(number) as [number, number, number];
    if (cost > limit) return null;
    const raw = stringAt(db, key);
    if (raw === null) {
      const finish = Math.floor(db.nowMs()) + windowMs;
      db.set(key, packed(WINDOW_TAG, cost, finish, windowMs), finish);
      return doubles([limit - cost, windowMs]);
    }
    if (raw === undefined || raw.length !== WINDOW_BYTES || raw[0] !== WINDOW_TAG) return null;
    const count = raw.readDoubleBE(1);
    const left = db.pttl(key);
    if (!(left > 0 && left <= windowMs && whole(count))) return null;
    if (count + cost > limit) return doubles([Math.max(0, limit - count), left, left]);
    db.setrange(key, 1, packed(WINDOW_TAG, count + cost).subarray(1));
    return doubles([limit - count - cost, left]);
  },
};

/** Cost left, ms until all is back, ms to wait (0: it was spent); `null` when `checkLimits` has to be asked. */
export function readWindow(reply: AtomicReply): number[] | null {
  if (!Buffer.isBuffer(reply) || reply.length < 16) return null;
  return [reply.readDoubleLE(0), reply.readDoubleLE(8), reply.length > 16 ? reply.readDoubleLE(16) : 0];
}
