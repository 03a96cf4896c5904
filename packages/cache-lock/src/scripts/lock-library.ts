/**
 * What every operation on a lock begins with. A lock is three keys in one slot:
 *
 * - HOLDERS, a sorted set: tokens by the end of their lease, in ms of the server's clock.
 * - QUEUE, a sorted set: tokens of those who wait, by ticket. Tickets come from the counter of the fences.
 * - STATE, a hash: `m` is `fence|used permits|streak`; a field for each holder is `fence|owner`, with a `?` before it
 *   while a grant was not claimed yet.
 *
 * A token is `process.serial.permits.limit.ttl`: a mutex takes 1 of 1, a semaphore n of N, a reader 1 of a billion, a writer
 * the billion. So one rule, "the first in the queue whose permits fit", is mutex, semaphore and read-write lock.
 *
 * A grant to a process that waits is a short lease which that process claims, so that nobody waits long for the dead: the
 * first gets GRACE, and after one that was not claimed the next get less, until somebody claims. Those of a process that
 * did not claim are passed over together; a live one enlists again, in its old place.
 *
 * What the calling process itself waits for it gets with the whole lease, in the answer: it is alive, or nobody is.
 *
 * Any of the three may be lost (evicted, flushed): what remains is made consistent before anything is decided. Fences
 * are `max(last + 1, microseconds)` and grow without the counter too.
 */
export const GRACE_MS = 200;
export const SHORT_GRACE_MS = 30;
/** The state outlives the last holder: a server's clock set back by less does not lower the fences. */
export const KEPT_MS = 30_000;
/** Holders are kept this much longer than their leases, so that they are cleared away one by one. */
export const CLEARED_MS = 5_000;
/** So many grants one run makes at most, so that it does not hold the server up; the rest follows at once. */
export const GRANTS_OF_ONE_RUN = 500;
/** So many grants that were not claimed are announced again at once. */
export const ANNOUNCED_AGAIN = 20;

/** KEYS: holders, state, queue. ARGV: own process, prefix of channels, '1' when a count of receivers is exact, owner. */
const LUA_HEAD = `
local HOLDERS, STATE, QUEUE = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = time[1] * 1000000 + time[2]
local function keep(key, at, extra)
  if now + redis.call('PTTL', key) < at then redis.call('PEXPIREAT', key, at + extra) end
end
`;

/**
 * What most calls find: a lock that nobody holds and nobody waits for, or that only the caller holds. The same outcome as by
 * the long way, which its twin takes, with half the commands.
 */
export const LUA_TAKE_FREE: string = `${LUA_HEAD}
if ARGV[7] == '0' and redis.call('EXISTS', HOLDERS, QUEUE) == 0 then
  local f, u = string.match(redis.call('HGET', STATE, 'm') or '0|0|0', '^(%d+)|(%d+)|%d+$')
  if u == '0' then
    local fence = math.max(f + 1, micros)
    local token, at = ARGV[5], now + ARGV[6]
    local permits = string.match(token, '^[^.]*%.[^.]*%.(%d+)%.')
    redis.call('ZADD', HOLDERS, at, token)
    redis.call('PEXPIREAT', HOLDERS, at + ${CLEARED_MS} + 1000)
    local text = string.format('%.0f', fence)
    redis.call('HSET', STATE, token, text .. '|' .. ARGV[4], 'm', text .. '|' .. permits .. '|0')
    keep(STATE, math.max(at, now + ${KEPT_MS}), ${KEPT_MS})
    return {1, fence, -1, 0, 0}
  end
end
`;

/** See `LUA_TAKE_FREE`. */
export const LUA_LEAVE_ALONE: string = `${LUA_HEAD}
local first = redis.call('ZRANGE', HOLDERS, 0, 1, 'WITHSCORES')
if first[1] == ARGV[5] and not first[3] and tonumber(first[2]) > now and redis.call('EXISTS', QUEUE) == 0 then
  local process = string.match(ARGV[5], '^([^.]*)%.')
  local f, s = string.match(redis.call('HGET', STATE, 'm') or '', '^(%d+)|%d+|(%d+)$')
  if f and process == ARGV[1] then
    redis.call('DEL', HOLDERS)
    redis.call('HDEL', STATE, ARGV[5])
    redis.call('HSET', STATE, 'm', f .. '|0|' .. s)
    keep(STATE, now + ${KEPT_MS}, ${KEPT_MS})
    return {1, -1}
  end
end
`;

const LUA_BODY = `
local ME, CHANNEL, EXACT, OWNER = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local fence, used, streak = 0, nil, 0
local changed, latest, watch, mine, suspects = false, 0, -1, {}, {}

local function parse(token)
  local process, permits, limit, ttl = string.match(token, '^([^.]*)%.[^.]*%.(%d+)%.(%d+)%.(%d+)$')
  return process or '', tonumber(permits or 1), tonumber(limit or 1), tonumber(ttl or 1)
end
local function drop(token)
  local process, permits = parse(token)
  redis.call('ZREM', HOLDERS, token)
  redis.call('HDEL', STATE, token)
  used = used - permits
  changed = true
  return process
end
local function nextFence()
  fence = math.max(fence + 1, micros)
  changed = true
  return string.format('%.0f', fence)
end
local function lease(token, ms, record)
  redis.call('ZADD', HOLDERS, now + ms, token)
  redis.call('HSET', STATE, token, record)
  latest = math.max(latest, now + ms)
  changed = true
end
-- Reads the state, makes it consistent, and ends the leases whose time is over.
local function load()
  local f, u, s = string.match(redis.call('HGET', STATE, 'm') or '', '^(%d+)|(%d+)|(%d+)$')
  if f then fence, used, streak = tonumber(f), tonumber(u), tonumber(s) end
  if redis.call('ZCARD', HOLDERS) == 0 then
    if used and used > 0 then
      -- The holders are gone without a word; so is what the state says of them.
      redis.call('DEL', STATE)
      changed = true
    end
    used = 0
  elseif not used then
    used = 0
    for _, token in ipairs(redis.call('ZRANGE', HOLDERS, 0, -1)) do
      local _, permits = parse(token)
      used = used + permits
    end
    changed = true
  end
  for _, token in ipairs(redis.call('ZRANGEBYSCORE', HOLDERS, '-inf', now)) do
    local unclaimed = string.sub(redis.call('HGET', STATE, token) or '', 1, 1) == '?'
    local process = drop(token)
    if unclaimed and process ~= ME then
      streak = streak + 1
      suspects[process] = true
    end
  end
end
-- Serves those who wait, in their order, as far as permits reach.
local function advance()
  local grants = 0
  while true do
    local head = redis.call('ZRANGE', QUEUE, 0, 0)[1]
    if not head then return end
    local process, permits, limit, ttl = parse(head)
    if suspects[process] then
      redis.call('ZREM', QUEUE, head)
    elseif used + permits > limit then
      return
    elseif grants == ${GRANTS_OF_ONE_RUN} then
      watch = 1
      return
    else
      grants = grants + 1
      local grace = streak > 0 and ${SHORT_GRACE_MS} or ${GRACE_MS}
      redis.call('ZREM', QUEUE, head)
      used = used + permits
      if process == ME then
        lease(head, ttl, nextFence() .. '|' .. OWNER)
        mine[#mine + 1] = head
        mine[#mine + 1] = fence
      else
        lease(head, grace, '?' .. nextFence())
      end
      if process == ME then
        -- In the answer.
      elseif redis.call('PUBLISH', CHANNEL .. process, 'g' .. head) == 0 and EXACT then
        -- Nobody listens: that process is gone.
        drop(head)
        suspects[process] = true
      else
        watch = math.floor(grace / 2)
      end
    end
  end
end
local function save()
  if not changed then return end
  redis.call('HSET', STATE, 'm', string.format('%.0f|%d|%d', fence, used, streak))
  keep(STATE, math.max(latest, now + ${KEPT_MS}), ${KEPT_MS})
  if latest > 0 then keep(HOLDERS, latest + ${CLEARED_MS}, 1000) end
end
`;

export const LUA_LOCK: string = LUA_HEAD + LUA_BODY;
/** For a script that begins with one of the short ways, which bring the head along. */
export const LUA_LONG_WAY: string = LUA_BODY;
