/**
 * leasesOf(fields): the values of fields of the hash of leases. A key of another type counts as none, and goes.
 * readLease(value): token, epoch, taken at, lives until, processes that wait.
 * endLeases(keys, meta): takes leases out; the marks go when the last one has.
 */
export const LUA_LEASES = `
local function leasesOf(fields)
  local found = redis.pcall('HMGET', LEASES, unpack(fields))
  if not found.err then return found end
  redis.call('DEL', LEASES)
  return {}
end
local function readLease(value)
  local token, epoch, taken, lives, waiters = string.match(value, '^([^|]*)|(%d+)|(%d+)|(%d+)|(.*)$')
  return token or '', tonumber(epoch or 0), tonumber(taken or 0), tonumber(lives or 0), waiters or ''
end
local function endLeases(keys, meta)
  if #keys == 0 then return end
  redis.call('HDEL', LEASES, unpack(keys))
  if meta and redis.call('HLEN', LEASES) == 1 + string.match(meta, '|(%d+)|') then redis.call('DEL', LEASES) end
end
`;

/**
 * sweepLeases(): when the hash of leases has grown, takes out dead leases, and marks older than every lease that lives.
 * The next sweep comes when it has doubled, so a field costs O(1) in all.
 */
export const LUA_SWEEP_LEASES = `
local function sweepLeases()
  local size = redis.call('HLEN', LEASES)
  if size < 32 then return end
  local epoch, sweepAt = string.match(redis.call('HGET', LEASES, '\\1') or '0|0|0', '^(%d+)|%d+|(%d+)')
  if size < tonumber(sweepAt) then return end
  local all, gone, oldest, marks = redis.call('HGETALL', LEASES), {}, tonumber(epoch), 0
  for i = 1, #all, 2 do
    if string.byte(all[i]) > 2 then
      local _, at, _, lives = readLease(all[i + 1])
      if lives > now then oldest = math.min(oldest, at) else gone[#gone + 1] = all[i] end
    end
  end
  for i = 1, #all, 2 do
    if string.byte(all[i]) == 2 then
      if tonumber(all[i + 1]) <= oldest then gone[#gone + 1] = all[i] else marks = marks + 1 end
    end
  end
  for i = 1, #gone, 1000 do redis.call('HDEL', LEASES, unpack(gone, i, math.min(#gone, i + 999))) end
  redis.call('HSET', LEASES, '\\1', epoch .. '|' .. marks .. '|' .. math.max(32, 2 * (size - #gone)))
end
`;

/**
 * markTag(tag): notes, while leases are out, that what is fetched under them must not be stored with the tag.
 * marksOf(tags): the epochs of the marks of tags. A lease of an older epoch was taken before the tag was invalidated.
 */
export const LUA_MARKS = `
local function markTag(tag)
  if redis.call('EXISTS', LEASES) == 0 then return end
  local meta = leasesOf({'\\1'})[1]
  local epoch, marks, sweepAt = string.match(meta or '0|0|0', '^(%d+)|(%d+)|(%d+)')
  epoch = epoch + 1
  if redis.call('HSET', LEASES, '\\2' .. tag, epoch) == 1 then marks = marks + 1 end
  redis.call('HSET', LEASES, '\\1', epoch .. '|' .. marks .. '|' .. sweepAt)
  expire(LEASES, now + 1)
  sweepLeases()
end
local function marksOf(tags)
  local fields, marks = {}, {}
  for i, tag in ipairs(tags) do fields[i] = '\\2' .. tag end
  for i, epoch in ipairs(#fields > 0 and leasesOf(fields) or {}) do marks[tags[i]] = tonumber(epoch or 0) end
  return marks
end
`;

/** wake(lease, key, outcome): tells the processes that wait for a lease how it ended, and which lease it was. */
export const LUA_WAKE = `
local function wake(lease, key, outcome)
  local token, waiters = string.match(lease, '^([^|]*)|[^|]*|[^|]*|[^|]*|(.*)$')
  for id in string.gmatch(waiters or '', '[^,]+') do
    redis.call('PUBLISH', WAKE .. id, outcome .. token .. '|' .. key)
  end
end
`;

/** revoke(keys): ends the leases of keys, where there are any; their fills will be refused. */
export const LUA_REVOKE = `
local function revoke(keys)
  if redis.call('EXISTS', LEASES) == 0 then return end
  local ended, fields = {}, {'\\1', unpack(keys)}
  local found = leasesOf(fields)
  for i, key in ipairs(keys) do
    if found[i + 1] then
      ended[#ended + 1] = key
      wake(found[i + 1], key, 'r')
    end
  end
  endLeases(ended, found[1])
end
`;
