import { MIN_HEADER_BYTES } from "../entry.ts";
import { BUS_FIELD } from "../internal/bus-entry.ts";

/**
 * Lua that several operations share. Each piece is a block of local functions; an operation lists the pieces that it
 * needs, in this order, before its own body.
 *
 * Members of an index, by first byte (keys of callers never start with a control character):
 * - `\1u<µs>`         the index may lack members: it was made while other keys existed, or a tag set was lost
 * - `\1r<ms>`         the registry of tags lives until then; if it does not, it was lost
 * - `\1e`             the index is complete and has no members
 * - `\1c<member>`     where the cleaning of the index goes on
 * - `\31<scope>\31…`  a key of a scope
 * - anything else     a key
 *
 * Fields of the hash of leases:
 * - `\1`              `<epoch>|<number of marks>|<fields at which to sweep>`; there since a tag was invalidated
 * - `\2<tag>`         the epoch at which the tag was invalidated, while leases were out
 * - anything else     a key: `<token>|<epoch>|<taken at, ms>|<lives until, ms>|<processes that wait, each with a comma>`
 *
 * Leases, marks and the epoch that orders them are one key: they are lost together, and then every fill is refused.
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
local LEASES = ARGV[1] .. 'l' .. ARGV[2]
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
 * entryOf(i): the bytes of an entry (see `entry.ts`) whose arguments stand from ARGV[i]; durations as text, in ms.
 */
export const LUA_ENTRY_OF = `
local function entryOf(i)
  local fresh, total = ARGV[i], ARGV[i + 1]
  local first, unit, rest = 192 + ARGV[i + 3], 1, ''
  if tonumber(total) > 4294967295 then first, unit = first + 8, 1000 end
  if fresh ~= total then first, rest = first + 16, struct.pack('>I4', math.ceil(total / unit)) end
  if ARGV[i + 4] ~= '0' then first, rest = first + 32, rest .. struct.pack('>I2', ARGV[i + 4]) end
  local names, count = '', tonumber(ARGV[i + 7])
  if count > 0 then
    names = table.concat(ARGV, '\\0', i + 8, i + 7 + count)
    names = struct.pack('>I2', #names) .. names
  end
  return struct.pack('>BBI6I4', first, ARGV[i + 2], now, math.ceil(fresh / unit)) .. rest
    .. struct.pack('>I4', ARGV[i + 5]) .. names .. ARGV[i + 6]
end
`;

/**
 * tagsOf(entry): the tags in the header of an entry; none for anything else. Entries with the same tags share one list,
 * which is read only once.
 */
export const LUA_TAGS_OF: string = `
local NONE, parsed = {}, {}
local function tagsOf(entry)
  -- Enough for most tags, so that one call does.
  local head = redis.pcall('GETRANGE', entry, '0', '127')
  if type(head) ~= 'string' or #head < ${MIN_HEADER_BYTES} then return NONE end
  local first = string.byte(head)
  if first < 192 or bit.band(first, 2) == 0 then return NONE end
  local size = ${MIN_HEADER_BYTES} + (bit.band(first, 16) > 0 and 4 or 0) + (bit.band(first, 32) > 0 and 2 or 0)
  local high, low = string.byte(head, size + 1, size + 2)
  if not low then return NONE end
  local last = size + 2 + high * 256 + low
  local names = last <= #head and string.sub(head, size + 3, last) or redis.call('GETRANGE', entry, size + 2, last - 1)
  local tags = parsed[names]
  if not tags then
    tags = {}
    for tag in string.gmatch(names .. '\\0', '(%Z*)%z') do tags[#tags + 1] = tag end
    parsed[names] = tags
  end
  return tags
end
`;

/**
 * addTags(members, untils): memberships of keys, listed by tag, whose entries live until `untils[tag]` at the latest. The
 * registry has the expiry of each set, so that of most sets nothing else need be asked.
 */
export const LUA_ADD_TAGS = `
local function addTags(members, untils)
  local tags, sets, moved, latest = {}, {}, {}, 0
  for tag in pairs(members) do
    tags[#tags + 1] = tag
    sets[#sets + 1] = TAG .. tag
  end
  if #tags == 0 then return end
  local scores, all = redis.call('ZMSCORE', TAGS, unpack(tags)), redis.call('EXISTS', unpack(sets)) == #sets
  for n, tag in ipairs(tags) do
    local set, at, known = sets[n], untils[tag], math.floor(scores[n] or 0)
    local gone = not all and redis.call('EXISTS', set) == 0
    -- The registry says that the set should have lived on: it was evicted, with members that are now unknown.
    if gone and known > now then redis.call('ZADD', INDEX, '0', '\\1u' .. micros) end
    local was = not gone and isMany(set, scores[n])
    local many = addMembers(set, members[tag], was)
    if gone or known < at then
      at = math.max(at + math.min(1000, math.floor((at - now) / 100)), now + redis.call('PTTL', set))
      redis.call('PEXPIREAT', set, at)
      known, latest = at, math.max(latest, at)
    elseif many == was then
      known = nil
    end
    if known then
      moved[#moved + 1] = many and known + 0.5 or known
      moved[#moved + 1] = tag
    end
  end
  if #moved == 0 then return end
  local added = redis.call('ZADD', TAGS, unpack(moved))
  if added > 0 and redis.call('ZCARD', TAGS) == added and forgetRegistry() then
    redis.call('ZADD', INDEX, '0', '\\1u' .. micros)
  end
  if now + redis.call('PTTL', TAGS) >= latest then return end
  latest = latest + math.min(1000, math.floor((latest - now) / 100))
  redis.call('PEXPIREAT', TAGS, latest)
  noteRegistry(latest)
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

/**
 * untag(key, keep): takes a key out of the sets of the tags that its entry has, but for those in keep.
 * forgetTag(tag): takes a tag out of the registry; a registry that is empty now was not lost.
 */
export const LUA_UNTAG = `
local function forgetTag(tag)
  if redis.call('ZREM', TAGS, tag) == 1 and redis.call('EXISTS', TAGS) == 0 then forgetRegistry() end
end
local function untag(key, keep)
  for _, tag in ipairs(tagsOf(ENTRY .. key)) do
    if not keep[tag] then
      local set = TAG .. tag
      local had = removeMembers(set, {key}, isMany(set, redis.call('ZSCORE', TAGS, tag)))
      if had == 1 and redis.call('EXISTS', set) == 0 then forgetTag(tag) end
    end
  end
end
`;

/**
 * writeEntries(places): writes entries whose arguments stand from each place: fresh ms, total ms, kind, flags, cost,
 * checksum, payload, number of tags, tags; their keys, at `keyOf[place]`, differ. Memberships come before what they
 * stand for. One call for each kind of thing, not for each key.
 */
export const LUA_WRITE_ENTRIES = `
local function writeEntries(places, keyOf)
  local keys, names, longest, members, untils = {}, {}, 0, {}, {}
  for n, i in ipairs(places) do
    local key = keyOf[i]
    keys[n], names[n] = key, ENTRY .. key
    local at = now + ARGV[i + 1]
    longest = math.max(longest, at)
    for t = i + 8, i + 7 + ARGV[i + 7] do
      local tag = ARGV[t]
      if members[tag] then table.insert(members[tag], key) else members[tag] = {key} end
      untils[tag] = math.max(untils[tag] or 0, at)
    end
  end
  register(keys, longest)
  if redis.call('EXISTS', unpack(names)) > 0 then
    for n, i in ipairs(places) do
      local keep = {}
      for t = i + 8, i + 7 + ARGV[i + 7] do keep[ARGV[t]] = true end
      untag(keys[n], keep)
    end
  end
  addTags(members, untils)
  for n, i in ipairs(places) do
    redis.call('SET', names[n], entryOf(i), 'PX', ARGV[i + 1])
  end
end
`;

/**
 * remove(keys, known): entries, memberships and leases of a page of keys; replies how many entries there were. One call
 * for each kind of thing, not for each key; the few tags that have no members left are found by halves. `known` has the
 * tags of keys that were looked at already, and `done` is the tag out of whose members they were taken before. Without a registry
 * there are no tags; if it was lost, memberships stay behind as they do when entries expire, and are cleaned like those.
 */
export const LUA_REMOVE = `
local function forgetEmpty(tags, sets, from, to)
  local size = to - from + 1
  local gone = size - redis.call('EXISTS', unpack(sets, from, to))
  if gone == 0 then return end
  if gone == size then
    for i = from, to do forgetTag(tags[i]) end
  else
    local middle = math.floor((from + to) / 2)
    forgetEmpty(tags, sets, from, middle)
    forgetEmpty(tags, sets, middle + 1, to)
  end
end
local function remove(keys, known, done)
  if #keys == 0 then return 0 end
  local entries, members, tags, left, sets = {}, {}, {}, {}, {}
  local tagged = known or redis.call('EXISTS', TAGS) == 1
  for i = 1, #keys do
    local key = keys[i]
    local entry = ENTRY .. key
    entries[i] = entry
    local own = not tagged and NONE or known and known[key] or tagsOf(entry)
    for t = 1, #own do
      local tag = own[t]
      local those = members[tag]
      if those then
        those[#those + 1] = key
      elseif tag ~= done then
        members[tag] = {key}
        tags[#tags + 1] = tag
      end
    end
  end
  for from = 1, #tags, 1000 do
    local scores = redis.call('ZMSCORE', TAGS, unpack(tags, from, math.min(#tags, from + 999)))
    for i = from, math.min(#tags, from + 999) do
      local tag = tags[i]
      local set = TAG .. tag
      -- A set that is not there was lost, and is not to be forgotten.
      if removeMembers(set, members[tag], isMany(set, scores[i - from + 1])) > 0 then
        left[#left + 1] = tag
        sets[#sets + 1] = set
      end
    end
  end
  for from = 1, #sets, 1000 do forgetEmpty(left, sets, from, math.min(#sets, from + 999)) end
  revoke(keys)
  redis.call('ZREM', INDEX, unpack(keys))
  return redis.call('UNLINK', unpack(entries))
end
`;

/**
 * soften(key): marks an entry stale where it stands; 1 when there was one. Its fill was revoked before. With ARGV[3] '2'
 * one that was marked before counts 0: an entry that several steps of one invalidation meet counts once.
 */
export const LUA_SOFTEN: string = `
local function soften(key)
  local head = redis.pcall('GETRANGE', ENTRY .. key, '0', '${MIN_HEADER_BYTES - 1}')
  if type(head) ~= 'string' or #head < ${MIN_HEADER_BYTES} then return 0 end
  local first = string.byte(head)
  if first < 192 then return 0 end
  if bit.band(first, 4) > 0 then return ARGV[3] == '2' and 0 or 1 end
  redis.call('SETRANGE', ENTRY .. key, '0', string.char(first + 4))
  return 1
end
`;

/**
 * append(bus, message, ttl, limit): one message on the bus. Sequence numbers let a reader see a gap. `limit` is a number of
 * messages, or `<messages>:<ms>` of a process that keeps a history: it is noted with the message, and those that keep
 * none go by what was noted last. O(1), and what is trimmed.
 */
export const LUA_APPEND: string = `
local function append(bus, message, ttl, limit)
  local last = redis.call('XREVRANGE', bus, '+', '-', 'COUNT', '1')[1]
  local line, number, noted = string.match(last and last[2][2] or '', '^(%S+) (%d+) ?(%S*)\\n')
  local kept = string.find(limit, ':', 1, true) and limit or noted and noted ~= '' and noted
  local head = (line or micros) .. ' ' .. string.format('%.0f', (number or 0) + 1)
  if not kept then
    redis.call('XADD', bus, 'MAXLEN', '=', limit, '*', '${BUS_FIELD}', head .. '\\n' .. message)
    expire(bus, now + ttl)
    return
  end
  local count, age = string.match(kept, '^(%d+):(%d+)$')
  redis.call('XADD', bus, 'MAXLEN', '=', count, '*', '${BUS_FIELD}', head .. ' ' .. kept .. '\\n' .. message)
  redis.call('XTRIM', bus, 'MINID', '=', string.format('%.0f', math.max(0, now - age)))
  expire(bus, now + math.max(ttl, age))
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

/** Allows the script while the server is out of memory: freeing must always be possible. */
export const LUA_ALLOW_OOM = "#!lua flags=allow-oom\n";
