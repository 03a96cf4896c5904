import type { AtomicOperation, AtomicReply, MemoryDatabase } from "@crm/cache-core";
import { LONGEST_MS, number } from "./plan.ts";
import { isWindow, packed, whole } from "./state/bytes.ts";

const TAG = 0x66;
const IMAGE_BYTES = 25;

/**
 * One call of one fixed window, by itself: what nearly every call is. It reads no plan and makes no tables, which is most of what
 * `checkLimits` costs the server, and decides the same. Where anything is unusual it changes nothing, replies nothing, and
 * `checkLimits` has to be asked: a state that is blocked, damaged, reserved, from the future or of another type, one without an expiry, a
 * cost above the limit.
 */
export const checkWindow: AtomicOperation = {
  name: "checkWindow",
  lua: `
-- KEYS: the state. ARGV: cost (1 or more), limit, window in ms.
-- Replies the server's time in µs, cost left, ms until all is back, ms to wait (0: it was spent), as 'checkLimits' does; or nil.
-- Atomic: one key is read, judged and written. O(1). On a refusal nothing is written.
local cost, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if cost > limit then return false end
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
local raw = redis.pcall('GET', KEYS[1])
if not raw then
  redis.call('SET', KEYS[1], struct.pack('>Bddd', 102, cost, now + window, window), 'PXAT', now + window)
  return struct.pack('<dddd', micros, limit - cost, window, 0)
end
if type(raw) ~= 'string' or #raw ~= 25 or string.byte(raw) ~= 102 then return false end
local count, finish, stored = struct.unpack('>ddd', raw, 2)
if not (finish > now and finish - stored <= now and stored <= 40000000000 and count >= 0 and count <= 9007199254740991)
  or count % 1 ~= 0 or finish % 1 ~= 0 or stored % 1 ~= 0 then return false end
if count + cost > limit then
  if redis.call('PTTL', KEYS[1]) < 0 then return false end
  return struct.pack('<dddd', micros, math.max(0, limit - count), finish - now, finish - now)
end
redis.call('SET', KEYS[1], struct.pack('>Bddd', 102, count + cost, finish, stored), 'KEEPTTL')
return struct.pack('<dddd', micros, limit - count - cost, finish - now, 0)
`,
  run(db, keys, args) {
    const key = keys[0] as string;
    const [cost, limit, windowMs] = args.map(number) as [number, number, number];
    if (cost > limit) return null;
    const micros = Math.floor(db.nowMs() * 1000);
    const now = Math.floor(micros / 1000);
    const raw = stringAt(db, key);
    if (raw === null) {
      db.set(key, packed(TAG, cost, now + windowMs, windowMs), now + windowMs);
      return figures(micros, limit - cost, windowMs, 0);
    }
    if (raw === undefined || raw.length !== IMAGE_BYTES || raw[0] !== TAG) return null;
    const count = raw.readDoubleBE(1);
    const finish = raw.readDoubleBE(9);
    const stored = raw.readDoubleBE(17);
    if (!(whole(count) && whole(finish) && isWindow(stored))) return null;
    if (!(finish > now && finish - stored <= now && stored <= LONGEST_MS)) return null;
    if (count + cost > limit) {
      if (db.pttl(key) < 0) return null;
      return figures(micros, Math.max(0, limit - count), finish - now, finish - now);
    }
    db.setrange(key, 0, packed(TAG, count + cost, finish, stored));
    return figures(micros, limit - count - cost, finish - now, 0);
  },
};

/** The bytes of a string; `null` when there is nothing, `undefined` when there is something else. */
function stringAt(db: MemoryDatabase, key: string): Buffer | null | undefined {
  try {
    return db.get(key);
  } catch {
    return undefined;
  }
}

function figures(...numbers: readonly number[]): AtomicReply {
  const reply = Buffer.allocUnsafe(8 * numbers.length);
  numbers.forEach((n, i) => {
    reply.writeDoubleLE(n, 8 * i);
  });
  return reply;
}
