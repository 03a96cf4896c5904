import { MIN_HEADER_BYTES } from "../entry.ts";

/** Below so many bytes an entry is put together: a second call costs more, and a short string that is written over takes more memory. */
const SHORT = 256;

/**
 * writeEntries(places): writes entries whose arguments stand from each place (see `entry-arguments.ts`); their keys, at
 * `keyOf[place]`, differ. Memberships come before what they stand for. One call for each kind of thing, not for each key.
 */
export const LUA_WRITE_ENTRIES: string = `
local heads, totals = {}, {}
local function readHeader(header)
  local first, kind, fresh, lives, total = string.match(header, '^(%d+) (%d+) (%d+) (%d*) (%d+)$')
  heads[header] = struct.pack('>BBI6I4', first, kind, now, fresh) .. (lives ~= '' and struct.pack('>I4', lives) or '')
  totals[header] = total
end
local function writeEntry(name, i)
  local cost, body, count = ARGV[i + 1], ARGV[i + 3], tonumber(ARGV[i + 4])
  local head = heads[ARGV[i]] .. (cost ~= '0' and struct.pack('>I2', cost) or '') .. struct.pack('>I4', ARGV[i + 2])
  if count > 0 then
    local size = count - 1
    for t = i + 5, i + 4 + count do size = size + #ARGV[t] end
    head = head .. struct.pack('>I2', size)
  end
  if #body < ${SHORT} then
    redis.call('SET', name, head .. string.sub(body, #head + 1), 'PX', totals[ARGV[i]])
  else
    redis.call('SET', name, body, 'PX', totals[ARGV[i]])
    redis.call('SETRANGE', name, '0', head)
  end
end
local function writeEntries(places, keyOf)
  local keys, names, longest, members, untils = {}, {}, 0, {}, {}
  for n, i in ipairs(places) do
    local key = keyOf[i]
    keys[n], names[n] = key, ENTRY .. key
    if not heads[ARGV[i]] then readHeader(ARGV[i]) end
    local at = now + totals[ARGV[i]]
    longest = math.max(longest, at)
    for t = i + 5, i + 4 + ARGV[i + 4] do
      local tag = ARGV[t]
      if members[tag] then table.insert(members[tag], key) else members[tag] = {key} end
      untils[tag] = math.max(untils[tag] or 0, at)
    end
  end
  register(keys, longest)
  if redis.call('EXISTS', unpack(names)) > 0 then
    for n, i in ipairs(places) do
      local keep = {}
      for t = i + 5, i + 4 + ARGV[i + 4] do keep[ARGV[t]] = true end
      untag(keys[n], keep)
    end
  end
  addTags(members, untils)
  for n, i in ipairs(places) do writeEntry(names[n], i) end
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
