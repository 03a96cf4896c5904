/**
 * The registry of tags has the expiry of each tag's members, and expires itself. The index notes until when it lives, so that
 * one which was lost is told from one that has ended.
 *
 * noteRegistry(at): it lives until then.
 * forgetRegistry(): it is not there any more, or has nothing left; replies whether it should still have lived.
 */
export const LUA_REGISTRY = `
local function forgetRegistry()
  local noted = redis.call('ZRANGEBYLEX', INDEX, '[\\1r', '(\\1s', 'LIMIT', '0', '1')[1]
  if noted then redis.call('ZREM', INDEX, noted) end
  return noted and tonumber(string.sub(noted, 3)) >= now
end
local function noteRegistry(at)
  forgetRegistry()
  redis.call('ZADD', INDEX, '0', '\\1r' .. string.format('%.0f', at))
end
`;

/**
 * Members of a tag, as the scripts keep them. While they are few they are the fields of a hash, which Redis stores as a
 * listpack: 4 bytes and the key for each. More of them are a set, at 61 bytes and more for each, but found at once. (Redis
 * 7.2 has listpacks for small sets too; earlier ones do not.)
 *
 * The registry of tags tells which it is: the expiry that it has for a tag is a whole number of milliseconds for a hash, and
 * half a millisecond more for a set. Where the registry was lost, the server is asked.
 *
 * isMany(set, score): whether the members are a set; `score` is what the registry has.
 * addMembers(set, keys, many): puts keys in; replies whether the members are a set now.
 * removeMembers(set, keys, many): takes keys out; replies how many there were.
 */
export const LUA_MEMBERS = `
local MANY = 128
local function isMany(set, score)
  if score then return tonumber(score) % 1 ~= 0 end
  return redis.call('TYPE', set).ok == 'set'
end
local function removeMembers(set, keys, many)
  return redis.call(many and 'SREM' or 'HDEL', set, unpack(keys))
end
`;

export const LUA_ADD_MEMBERS = `
local function spread(set)
  local keys, left = redis.call('HKEYS', set), redis.call('PTTL', set)
  if #keys == 0 then return end
  redis.call('DEL', set)
  redis.call('SADD', set, unpack(keys))
  if left > 0 then redis.call('PEXPIREAT', set, now + left) end
end
local function addMembers(set, keys, many)
  if not many and #keys <= MANY then
    local fields = {}
    for i, key in ipairs(keys) do fields[2 * i - 1], fields[2 * i] = key, '' end
    redis.call('HSET', set, unpack(fields))
    if redis.call('HLEN', set) <= MANY then return false end
  end
  if not many then spread(set) end
  redis.call('SADD', set, unpack(keys))
  return true
end
`;
