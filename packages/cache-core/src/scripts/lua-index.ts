/**
 * others(): keys of the database that are neither the index, nor the bus, nor the leases.
 * beginIndex(): marks an index that has just been made. It is complete only if the database held nothing else; and if
 * there is a registry of tags, it knows so from the beginning.
 */
export const LUA_BEGIN_INDEX = `
local function others()
  return redis.call('DBSIZE') - redis.call('EXISTS', INDEX, LEASES) - (KEYS[2] and redis.call('EXISTS', KEYS[2]) or 0)
end
local function beginIndex()
  if others() > 0 then redis.call('ZADD', INDEX, '0', '\\1u' .. micros) end
  local left = redis.call('PTTL', TAGS)
  if left > 0 then redis.call('ZADD', INDEX, '0', '\\1r' .. string.format('%.0f', now + left)) end
end
`;

/** register(keys, at): puts keys into the index before their entries, of which the last lives until `at`, are written. */
export const LUA_REGISTER = `
local function register(keys, at)
  local left, members = redis.call('PTTL', INDEX), {}
  for i, key in ipairs(keys) do members[2 * i - 1], members[2 * i] = '0', key end
  redis.call('ZADD', INDEX, unpack(members))
  if left == -2 then beginIndex() end
  if now + left < at then redis.call('PEXPIREAT', INDEX, at + math.min(1000, math.floor((at - now) / 100))) end
end
`;

/**
 * verified(): whether the index is known to be complete.
 * keepEmpty(whole, ms): remembers that an index which was complete, and has lost its last member, is empty and not lost,
 * so that the next invalidation needs no scan.
 */
export const LUA_VERIFIED = `
local function verified()
  if redis.call('EXISTS', INDEX) == 0 then return 0 end
  return #redis.call('ZRANGEBYLEX', INDEX, '[\\1u', '(\\1v', 'LIMIT', '0', '1') == 0 and 1 or 0
end
local function keepEmpty(whole, ms)
  if whole == 1 and redis.call('EXISTS', INDEX) == 0 then
    redis.call('ZADD', INDEX, '0', '\\1e')
    redis.call('PEXPIREAT', INDEX, now + math.min(60000, tonumber(ms)))
  end
end
`;
