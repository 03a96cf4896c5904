import type { AtomicOperation } from "@crm/cache-core";
import { KEPT_MS, LUA_LONG_WAY, LUA_TAKE_FREE } from "./lock-library.ts";
import { LockTwin, number, pairs, parse, text } from "./lock-twin.ts";

/**
 * Takes a lock, enlists for it, claims a grant, or asks how things stand: the same step whichever it is, so that it can be
 * repeated after a lost answer.
 *
 * Replies `[1, fence, watch, 0, 0, own grants…]` when the caller holds the lock now, else `[0, ticket, watch, ms until the first lease
 * ends or -1, 1 when the caller was not in the queue it believed to be in, own grants…]`. `watch`: ms after which to look whether
 * grants to other processes were claimed, or -1.
 */
export const acquireLock: AtomicOperation = {
  name: "acquireLock",
  lua: `${LUA_TAKE_FREE}${LUA_LONG_WAY}
-- ARGV: …, token, ttl ms, ticket (0: none yet), mode ('t' try, 'q' queue). Atomic: lock and queue.
-- O(log waiters) and the grants that it makes. Refused in mode 't', it changes nothing.
local token, ttl, ticket, mode = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local _, permits, limit = parse(token)
load()
local holds = redis.call('ZSCORE', HOLDERS, token)
local place = redis.call('ZSCORE', QUEUE, token)
local missing = 0
if not holds and not place and mode == 'q' then
  if redis.call('ZCARD', QUEUE) > 0 or used + permits > limit or ticket > 0 then
    if ticket > 0 then missing = 1 else nextFence() ticket = fence end
    redis.call('ZADD', QUEUE, string.format('%.0f', ticket), token)
    place = ticket
  end
end
advance()
if place then
  ticket = tonumber(place)
  keep(QUEUE, now + ${KEPT_MS}, ${KEPT_MS})
  -- Who asks how things stand hears, by the same message, that it still hears: its connection needs no other heartbeat.
  if tonumber(ARGV[7]) > 0 then redis.call('PUBLISH', CHANNEL .. ME, 'p') end
end
local record = redis.call('HGET', STATE, token)
if not redis.call('ZSCORE', HOLDERS, token) then
  record = nil
  if not place and redis.call('ZCARD', QUEUE) == 0 and used + permits <= limit then
    used = used + permits
    record = nextFence()
  end
else
  record = record and string.match(record, '%d+') or nextFence()
end
if record then
  lease(token, ttl, record .. '|' .. OWNER)
  streak = 0
  for i = #mine - 1, 1, -2 do
    if mine[i] == token then table.remove(mine, i) table.remove(mine, i) end
  end
  save()
  return {1, tonumber(record), watch, 0, 0, unpack(mine)}
end
save()
local first, left = redis.call('ZRANGE', HOLDERS, 0, 0, 'WITHSCORES'), -1
-- A grant that was not claimed yet is watched by whoever caused it.
if first[1] and string.sub(redis.call('HGET', STATE, first[1]) or '', 1, 1) ~= '?' then left = first[2] - now end
return {0, ticket, watch, left, missing, unpack(mine)}
`,
  run(db, keys, args) {
    const lock = new LockTwin(db, keys, args);
    const token = text(args[4]);
    const ttl = number(args[5]);
    let ticket = number(args[6]);
    const { permits, limit } = parse(token);
    lock.load();
    const holds = db.zscore(lock.holders, token);
    let place = db.zscore(lock.queue, token);
    let missing = 0;
    if (holds === null && place === null && text(args[7]) === "q") {
      if (db.zcard(lock.queue) > 0 || lock.used + permits > limit || ticket > 0) {
        if (ticket > 0) missing = 1;
        else ticket = Number(lock.nextFence());
        db.zadd(lock.queue, ticket, token);
        place = ticket;
      }
    }
    lock.advance();
    if (place !== null) {
      ticket = place;
      lock.keep(lock.queue, lock.now + KEPT_MS, KEPT_MS);
      if (number(args[6]) > 0) lock.tell(lock.me, "p");
    }
    let record: string | undefined;
    if (db.zscore(lock.holders, token) === null) {
      if (place === null && db.zcard(lock.queue) === 0 && lock.used + permits <= limit) {
        lock.used += permits;
        record = lock.nextFence();
      }
    } else {
      record = /\d+/.exec(lock.record(token))?.[0] ?? lock.nextFence();
    }
    const others = pairs(lock.mine.filter(([each]) => record === undefined || each !== token));
    if (record !== undefined) {
      lock.lease(token, ttl, `${record}|${lock.owner}`);
      lock.streak = 0;
      lock.save();
      return [1, Number(record), lock.watch, 0, 0, ...others];
    }
    lock.save();
    const [first] = lock.byEnd(1);
    const isClaimed = first !== undefined && !lock.record(first).startsWith("?");
    const left = isClaimed ? (db.zscore(lock.holders, first) as number) - lock.now : -1;
    return [0, ticket, lock.watch, left, missing, ...others];
  },
};
