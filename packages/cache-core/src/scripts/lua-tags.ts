import { MIN_HEADER_BYTES } from "../entry.ts";

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
