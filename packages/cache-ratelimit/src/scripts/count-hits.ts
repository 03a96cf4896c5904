import {
  type AtomicOperation,
  type AtomicReply,
  type MemoryDatabase,
  StoreReplyError,
} from "@crm/cache-core";
import { number } from "./plan.ts";
import { doubles, readDoubles, stringAt } from "./state/bytes.ts";

/**
 * Counts a hit of `key`, with its expiry in `left`. Where it was not counted, and `count` is why: what is no count is none, and a server that
 * takes no writes still refuses who has reached the limit. Others are told the error: begun anew, the count of a server that forbids `INCR`
 * alone would never grow.
 */
const LUA_COUNT = `local count, left = redis.pcall('INCR', key), redis.call('PTTL', key)
local counted = type(count) == 'number'
if not counted then
  local raw = redis.pcall('GET', key)
  local hits = type(raw) == 'string' and #raw <= 18 and string.match(raw, '^[1-9]%d*$')
  if hits and hits + 0 < limit then return count end
  count = hits and limit + 1 or 0
end`;

/**
 * A hit in a fixed window that nobody blocks, penalizes or waits in: that of `checkRateLimit`. So its state is the bare count, which
 * Redis adds to by itself, and the window ends when the key expires. What is no count, or has no expiry, counts as none.
 */
export const countHit: AtomicOperation = {
  name: "countHit",
  lua: `
-- KEYS: the count. ARGV: limit (1 or more), window in ms.
-- Replies hits left and ms until all are back, when it was counted; these and ms to wait, when not; as little-endian doubles.
-- Atomic. O(1). A refusal takes its hit back: the same count, the same expiry.
local key, limit = KEYS[1], ARGV[1] + 0
${LUA_COUNT}
if left <= 0 or count < 1 then
  redis.call('SET', key, '1', 'PX', ARGV[2])
  return struct.pack('<dd', limit - 1, ARGV[2])
end
if count > limit then
  if counted then redis.call('DECR', key) end
  return struct.pack('<ddd', 0, left, left)
end
return struct.pack('<dd', limit - count, left)
`,
  run(db, [key = ""], [limit, windowMs]) {
    const [left, resetMs, waitMs] = hit(db, key, number(limit), number(windowMs));
    return doubles(waitMs > 0 ? [left, resetMs, waitMs] : [left, resetMs]);
  },
};

/** Many hits in one step, in order: what is asked in one turn of the event loop. */
export const countHits: AtomicOperation = {
  name: "countHits",
  lua: `
-- KEYS: the count of each hit. ARGV, for each: limit (1 or more), window in ms.
-- Replies for each hits left, ms until all are back, ms to wait (0: counted), as little-endian doubles. Atomic. O(hits).
local out, n = {}, 0
for i = 1, #KEYS do
  local key, limit, wait = KEYS[i], ARGV[2 * i - 1] + 0, 0
  ${LUA_COUNT}
  if left <= 0 or count < 1 then
    redis.call('SET', key, '1', 'PX', ARGV[2 * i])
    count, left = 1, ARGV[2 * i] + 0
  elseif count > limit then
    if counted then redis.call('DECR', key) end
    wait = left
  end
  out[n + 1], out[n + 2], out[n + 3] = limit > count and limit - count or 0, left, wait
  n = n + 3
end
return struct.pack('<' .. string.rep('d', n), unpack(out))
`,
  run(db, keys, args) {
    return doubles(keys.flatMap((key, i) => hit(db, key, number(args[2 * i]), number(args[2 * i + 1]))));
  },
};

/** Hits left, ms until all are back, ms to wait (0: counted) of each of `count` hits; `null` when it is no such reply. */
export function readHits(reply: AtomicReply, count: number): number[] | null {
  return readDoubles(reply, 3 * count);
}

/** Where a count stands. */
export const lookAtHits: AtomicOperation = {
  name: "lookAtHits",
  lua: `
-- KEYS: the count. Replies the hits, and ms until all are back. Atomic. O(1). What has lost its expiry is removed.
local raw, left = redis.pcall('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
if left == -1 then redis.call('DEL', KEYS[1]) end
local count = type(raw) == 'string' and #raw <= 18 and string.match(raw, '^[1-9]%d*$')
if left <= 0 or not count then return {0, 0} end
return {tonumber(count), left}
`,
  run(db, [key = ""]) {
    const left = db.pttl(key);
    const count = countAt(db, key);
    if (left === -1) db.del(key);
    return left <= 0 || count === null || count < 1 ? [0, 0] : [count, left];
  },
};

/** @throws StoreReplyError */
export function readLook(reply: AtomicReply): readonly [count: number, leftMs: number] {
  if (Array.isArray(reply) && reply.length === 2) return reply as [number, number];
  throw new StoreReplyError({ operation: lookAtHits.name, received: reply });
}

function hit(
  db: MemoryDatabase,
  key: string,
  limit: number,
  windowMs: number,
): [left: number, resetMs: number, waitMs: number] {
  const before = countAt(db, key);
  const left = db.pttl(key);
  if (left <= 0 || before === null || before < 0) {
    db.set(key, Buffer.from("1"), Math.floor(db.nowMs()) + windowMs);
    return [limit - 1, windowMs, 0];
  }
  if (before >= limit) return [0, left, left];
  return [limit - db.incrby(key, 1), left, 0];
}

/** The count under a key; `null` where there is none. */
function countAt(db: MemoryDatabase, key: string): number | null {
  const text = stringAt(db, key)?.toString("latin1") ?? "";
  return /^(?:0|-?[1-9]\d{0,17})$/.test(text) ? Number(text) : null;
}
