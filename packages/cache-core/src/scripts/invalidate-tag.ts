import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_APPEND } from "./lua-bus.ts";
import { LUA_REMOVE, LUA_SOFTEN } from "./lua-entries.ts";
import { LUA_VERIFIED } from "./lua-index.ts";
import { LUA_LEASES, LUA_MARKS, LUA_REVOKE, LUA_SWEEP_LEASES, LUA_WAKE } from "./lua-leases.ts";
import { LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_ALLOW_OOM, LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { bytes, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Removes entries with a tag, or marks them stale, a page at a time; tells the bus with the last page.
 *
 * A fill under way may decide on the tag only when it ends, so it cannot be found and revoked here. Instead the tag is
 * marked with a new epoch, and the fill is refused when a mark of one of its tags is of a later epoch than its lease.
 * Marks exist only while leases are out.
 *
 * Replies `[count, cursor, verified]`; cursor "" when done. `verified` 0: the index may lack members.
 */
export const invalidateTag: AtomicOperation = {
  name: "invalidateTag",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}${LUA_EXPIRE}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_UNTAG}${LUA_WAKE}${LUA_LEASES}${LUA_SWEEP_LEASES}${LUA_MARKS}${LUA_REVOKE}${LUA_REMOVE}${LUA_SOFTEN}${LUA_APPEND}${LUA_VERIFIED}
-- KEYS: index [bus]. ARGV: base, hash tag, soft, message or '', bus ttl ms, bus limit, tag, cursor, page size.
-- Atomic for a page, which is enough: a page acts on entry and lease together, and what is filled after its page
-- was fetched after the mark. O(page x log N).
local tag, set, soft, page = ARGV[7], TAG .. ARGV[7], ARGV[3] ~= '0', tonumber(ARGV[9])
if ARGV[8] == '0' then markTag(tag) end
local whole = verified()
if redis.call('EXISTS', set) == 0 then
  local known = redis.call('ZSCORE', TAGS, tag)
  if known and tonumber(known) > now then
    -- The set should be there: it was evicted. Its members are found again by the repair.
    -- A mark of its own: a scan that is under way for another one may have passed them.
    redis.call('ZADD', INDEX, '0', '\\1u' .. micros)
    whole = 0
  elseif redis.call('EXISTS', TAGS) == 0 and forgetRegistry() then
    redis.call('ZADD', INDEX, '0', '\\1u' .. micros)
    whole = 0
  end
end
local many = isMany(set, redis.call('ZSCORE', TAGS, tag))
local size, count, cursor, members = redis.call(many and 'SCARD' or 'HLEN', set), 0, '', nil
if size <= page or soft and not many then
  members = redis.call(many and 'SMEMBERS' or 'HKEYS', set)
  -- Each is removed below, or does not belong here.
  if not soft then redis.call('UNLINK', set) end
elseif soft then
  local found = redis.call('SSCAN', set, ARGV[8], 'COUNT', page)
  members, cursor = found[2], found[1]
  if cursor == '0' then cursor = '' end
elseif many then
  members, cursor = redis.call('SPOP', set, page), '1'
else
  members, cursor = {unpack(redis.call('HKEYS', set), 1, page)}, '1'
  removeMembers(set, members, many)
end
local tagged, known, strangers = {}, {}, {}
for i = 1, #members do
  local key, has = members[i], false
  local tags = tagsOf(ENTRY .. key)
  for t = 1, #tags do
    if tags[t] == tag then has = true end
  end
  if has then
    tagged[#tagged + 1] = key
    known[key] = tags
  else
    strangers[#strangers + 1] = key
  end
end
if soft then
  if #strangers > 0 then removeMembers(set, strangers, many) end
  if #tagged > 0 then revoke(tagged) end
  for _, key in ipairs(tagged) do count = count + soften(key) end
else
  count = remove(tagged, known, tag)
end
if not soft and redis.call('EXISTS', set) == 0 then forgetTag(tag) end
keepEmpty(whole, ARGV[5])
if cursor == '' and KEYS[2] and ARGV[4] ~= '' then append(KEYS[2], ARGV[4], ARGV[5], ARGV[6]) end
return {count, cursor, whole}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const tag = text(args[6]);
    const set = lib.tagPrefix + tag;
    const soft = text(args[2]) !== "0";
    const page = number(args[8]);
    if (text(args[7]) === "0") lib.markTag(tag);
    let whole = lib.verified();
    if (!db.exists(set)) {
      const known = db.zscore(lib.tags, tag);
      const lost = (known !== null && known > lib.now) || (!db.exists(lib.tags) && lib.forgetRegistry());
      if (lost) {
        lib.markUnverified();
        whole = 0;
      }
    }
    // In memory a page need not be picked by a server-side cursor: a soft pass takes everything at once.
    let members = db.smembers(set);
    let cursor = "";
    if (!soft && members.length > page) {
      members = members.slice(0, page);
      for (const member of members) db.srem(set, member);
      cursor = "1";
    }
    const tagged = members.filter((key) => lib.tagsOf(lib.entryPrefix + key).includes(tag));
    const own = new Set(tagged);
    for (const key of members) if (!own.has(key)) db.srem(set, key);
    const count = soft ? lib.soften(tagged, text(args[2]) === "2") : lib.remove(tagged, true);
    if (!soft && !db.exists(set)) lib.forgetTag(tag);
    lib.keepEmpty(whole, number(args[4]));
    if (cursor === "" && lib.bus !== undefined && bytes(args[3]).length > 0) {
      lib.append(bytes(args[3]), number(args[4]), args[5]);
    }
    return [count, Buffer.from(cursor), whole];
  },
};
