/**
 * Lua that several operations share. Each piece is a block of local functions; an operation lists the pieces that it
 * needs, in this order, before its own body.
 *
 * Members of an index, by first byte (keys of callers never start with a control character):
 * - `\1u<µs>`         the index may lack members: it was made while other keys existed, or a tag set was lost
 * - `\1r`             the registry of tags exists; if it does not, it was lost
 * - `\1e`             the index is complete and has no members
 * - `\1c<member>`     where the cleaning of the index goes on
 * - `\1n<number>`      so many tags were invalidated while leases were out
 * - `\2<tag>\0<number>` the tag was, and was the one with that number
 * - `\4<key>`         a lease on the key is out
 * - `\31<scope>\31…`  a key of a scope
 * - anything else     a key
 */

/**
 * Refuses while the slot of a Cluster is being moved to another node. Part of the group is then here and part there, and
 * the node that receives it takes what has not arrived for missing: an invalidation would meet nothing, be acknowledged,
 * and the entry would arrive afterwards. A question about two keys, one of which never exists, is refused by both
 * nodes from the first step of the move to the last, and answered by any other.
 */
export const LUA_WHOLE = `
if ARGV[2] ~= '' then redis.call('EXISTS', KEYS[1], KEYS[1] .. '?') end
`;

/** KEYS[1] index; ARGV[1] base of all names, ARGV[2] hash tag. Defines the prefixes and the server's time. */
export const LUA_NAMES: string = `${LUA_WHOLE}
local INDEX = KEYS[1]
local ENTRY = ARGV[1] .. 'e' .. ARGV[2] .. ':'
local LEASE = ARGV[1] .. 'l' .. ARGV[2] .. ':'
local TAG = ARGV[1] .. 't' .. ARGV[2] .. ':'
local TAGS = ARGV[1] .. 'r' .. ARGV[2]
local WAKE = ARGV[1] .. 'w:'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = string.format('%.0f', time[1] * 1000000 + time[2])
`;

/**
 * expire(key, at): makes an existing key live at least until then. A little longer, so that not every write has to
 * move the expiry of what it shares with others: by a hundredth of the time, at most a second.
 */
export const LUA_EXPIRE = `
local function expire(key, at)
  if now + redis.call('PTTL', key) < at then
    redis.call('PEXPIREAT', key, at + math.min(1000, math.floor((at - now) / 100)))
  end
end
`;

/** register(member, at): puts a member into the index before what it stands for is written. Asks its expiry once. */
export const LUA_REGISTER = `
local indexUntil
local function register(member, at)
  local isNew = false
  if not indexUntil then
    local left = redis.call('PTTL', INDEX)
    indexUntil, isNew = now + left, left == -2
  end
  redis.call('ZADD', INDEX, 0, member)
  if isNew then
    -- A new index: complete only if the database held nothing else but, perhaps, the bus.
    local others = redis.call('DBSIZE') - 1
    if KEYS[2] then others = others - redis.call('EXISTS', KEYS[2]) end
    if others > 0 then redis.call('ZADD', INDEX, 0, '\\1u' .. micros) end
  end
  if indexUntil < at then
    indexUntil = at + math.min(1000, math.floor((at - now) / 100))
    redis.call('PEXPIREAT', INDEX, indexUntil)
  end
end
`;

/**
 * entryOf(i, fresh, total, tags): the bytes of an entry (see `entry.ts`) whose kind, flags, cost, checksum and payload
 * stand from ARGV[i]; durations as text, in ms.
 */
export const LUA_ENTRY_OF = `
local function entryOf(i, fresh, total, tags)
  local first, unit, rest = 192 + ARGV[i + 1], 1, ''
  if tonumber(total) > 4294967295 then first, unit = first + 8, 1000 end
  if fresh ~= total then first, rest = first + 16, struct.pack('>I4', math.ceil(total / unit)) end
  if ARGV[i + 2] ~= '0' then first, rest = first + 32, rest .. struct.pack('>I2', ARGV[i + 2]) end
  local names = ''
  if #tags > 0 then
    names = table.concat(tags, '\\0')
    names = struct.pack('>I2', #names) .. names
  end
  return struct.pack('>BBI6I4', first, ARGV[i], now, math.ceil(fresh / unit)) .. rest
    .. struct.pack('>I4', ARGV[i + 3]) .. names .. ARGV[i + 4]
end
`;

/** tagsOf(entry): the tags in the header of an entry; empty for anything else. */
export const LUA_TAGS_OF = `
local function tagsOf(entry)
  -- Enough for most tags, so that one call does.
  local head = redis.pcall('GETRANGE', entry, 0, 279)
  if type(head) ~= 'string' or #head < 16 then return {} end
  local first = string.byte(head)
  if first < 192 or bit.band(first, 2) == 0 then return {} end
  local size = 16 + (bit.band(first, 16) > 0 and 4 or 0) + (bit.band(first, 32) > 0 and 2 or 0)
  if #head < size + 2 then return {} end
  local length = struct.unpack('>I2', head, size + 1)
  local names = #head >= size + 2 + length and string.sub(head, size + 3, size + 2 + length)
    or redis.call('GETRANGE', entry, size + 2, size + 1 + length)
  local tags = {}
  for tag in string.gmatch(names .. '\\0', '(%Z*)%z') do tags[#tags + 1] = tag end
  return tags
end
`;

/**
 * untag(key, keep): takes a key out of the sets of the tags that its entry has, but for those in keep.
 * forgetTag(tag): takes a tag out of the registry; a registry that is empty now was not lost.
 */
export const LUA_UNTAG = `
local function forgetTag(tag)
  if redis.call('ZREM', TAGS, tag) == 1 and redis.call('EXISTS', TAGS) == 0 then redis.call('ZREM', INDEX, '\\1r') end
end
local function untag(key, keep)
  for _, tag in ipairs(tagsOf(ENTRY .. key)) do
    if not keep[tag] and redis.call('SREM', TAG .. tag, key) == 1 and redis.call('EXISTS', TAG .. tag) == 0 then
      forgetTag(tag)
    end
  end
end
`;

/** addTag(tag, key, at): membership of a key whose entry lives until at; cleans two other members on the way. */
export const LUA_ADD_TAG = `
local function addTag(tag, key, at)
  local set = TAG .. tag
  if redis.call('SADD', set, key) == 1 and redis.call('SCARD', set) == 1 then
    local known = redis.call('ZSCORE', TAGS, tag)
    -- The registry says that the set should have lived on: it was evicted, with members that are now unknown.
    if known and tonumber(known) > now then redis.call('ZADD', INDEX, 0, '\\1u' .. micros) end
  end
  expire(set, at)
  if redis.call('ZADD', TAGS, 'GT', at, tag) == 1 and redis.call('ZCARD', TAGS) == 1 then
    if redis.call('ZADD', INDEX, 0, '\\1r') == 0 then redis.call('ZADD', INDEX, 0, '\\1u' .. micros) end
  end
  expire(TAGS, at)
  for _, other in ipairs(redis.call('SRANDMEMBER', set, 3)) do
    if other ~= key and redis.call('EXISTS', ENTRY .. other) == 0 then redis.call('SREM', set, other) end
  end
end
`;

/** wake(lease, key, outcome): tells the processes that wait for a lease how it ended, and which lease it was. */
export const LUA_WAKE = `
local function wake(lease, key, outcome)
  local token, waiters = string.match(lease, '^([^|]*)|[^|]*|(.*)$')
  for id in string.gmatch(waiters or '', '[^,]+') do
    redis.call('PUBLISH', WAKE .. id, outcome .. token .. '|' .. key)
  end
end
`;

/**
 * lastMark(): the number of the last mark, 15 digits. It only grows as long as the index lives, whatever becomes of the
 * server's clock; a lease notes it when it is taken. If the index is lost the numbers begin anew, and the leases that
 * noted old ones are lost with it: their fills are refused, for their index members are gone.
 * markTag(tag): notes that a tag was invalidated while leases are out.
 */
export const LUA_MARKS = `
local function lastMark()
  local last = redis.call('ZRANGEBYLEX', INDEX, '[\\1n', '(\\1o', 'LIMIT', 0, 1)[1]
  return last and string.sub(last, 3) or '000000000000000', last
end
local function markTag(tag)
  local number, last = lastMark()
  number = string.format('%015.0f', number + 1)
  if last then redis.call('ZREM', INDEX, last) end
  redis.call('ZADD', INDEX, 0, '\\1n' .. number, 0, '\\2' .. tag .. '\\0' .. number)
end
`;

/** marked(tag, since): whether a tag was invalidated since a lease was taken; `since` as the lease has it. */
export const LUA_MARKED = `
local function marked(tag, since)
  local mark = redis.call('ZREVRANGEBYLEX', INDEX, '(\\2' .. tag .. '\\1', '[\\2' .. tag .. '\\0', 'LIMIT', 0, 1)[1]
  return mark and string.sub(mark, #tag + 3) > (string.match(since, '%-(%d+)$') or '')
end
`;

/** revoke(key): ends the lease of a key, if there is one; its fill will be refused. */
export const LUA_REVOKE = `
local function revoke(key)
  local lease = redis.call('GET', LEASE .. key)
  if lease then
    redis.call('DEL', LEASE .. key)
    redis.call('ZREM', INDEX, '\\4' .. key)
    wake(lease, key, 'r')
  end
end
`;

/**
 * remove(keys, known): entries, memberships and leases of a page of keys; replies how many entries there were. One call
 * for each kind of thing, not for each key. `known` has the tags of keys that were looked at already.
 */
export const LUA_REMOVE = `
local function remove(keys, known)
  if #keys == 0 then return 0 end
  local entries, leases, members = {}, {}, {}
  for i, key in ipairs(keys) do
    entries[i], leases[i] = ENTRY .. key, LEASE .. key
    for _, tag in ipairs(known and known[key] or tagsOf(entries[i])) do
      members[tag] = members[tag] or {}
      table.insert(members[tag], key)
    end
  end
  for tag, list in pairs(members) do
    if redis.call('SREM', TAG .. tag, unpack(list)) > 0 and redis.call('EXISTS', TAG .. tag) == 0 then forgetTag(tag) end
  end
  for i, lease in ipairs(redis.call('MGET', unpack(leases))) do
    if lease then revoke(keys[i]) end
  end
  redis.call('ZREM', INDEX, unpack(keys))
  return redis.call('UNLINK', unpack(entries))
end
`;

/** soften(key): marks an entry stale where it stands; 1 when there was one. */
export const LUA_SOFTEN = `
local function soften(key)
  revoke(key)
  local head = redis.pcall('GETRANGE', ENTRY .. key, 0, 15)
  if type(head) ~= 'string' or #head < 16 then return 0 end
  local first = string.byte(head)
  if first < 192 then return 0 end
  if bit.band(first, 4) == 0 then redis.call('SETRANGE', ENTRY .. key, 0, string.char(first + 4)) end
  return 1
end
`;

/** append(bus, message, ttl, limit): one invalidation on the bus. Sequence numbers let a reader see a gap. */
export const LUA_APPEND = `
local function append(bus, message, ttl, limit)
  local last = redis.call('XREVRANGE', bus, '+', '-', 'COUNT', 1)[1]
  local line, number = micros, 1
  if last then line, number = last[2][2], last[2][4] + 1 end
  redis.call('XADD', bus, 'MAXLEN', '=', limit, '*', 'l', line, 'n', number, 'm', message)
  expire(bus, now + ttl)
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
  return #redis.call('ZRANGEBYLEX', INDEX, '[\\1u', '(\\1v', 'LIMIT', 0, 1) == 0 and 1 or 0
end
local function keepEmpty(whole, ms)
  if whole == 1 and redis.call('EXISTS', INDEX) == 0 then
    redis.call('ZADD', INDEX, 0, '\\1e')
    redis.call('PEXPIREAT', INDEX, now + math.min(60000, tonumber(ms)))
  end
end
`;

/** Allows the script while the server is out of memory: freeing must always be possible. */
export const LUA_ALLOW_OOM = "#!lua flags=allow-oom\n";
