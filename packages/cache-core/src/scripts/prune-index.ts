import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_VERIFIED } from "./lua-index.ts";
import { LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Looks at the next members of an index and takes out those whose entry is gone. Every writer calls it now
 * and then, so an index under expiry or eviction cleans itself as it is written to. All go on where the last one ended,
 * which the index itself remembers (`\1c<member>`): processes with cursors of their own walked in step, over the same
 * members, and the dead outnumbered the living.
 *
 * Then it looks at random members of the sets of tags that were written to, and takes out the dead.
 *
 * Replies `[whether the index is known to be complete, members looked at, how many of them were dead, members of tags
 * looked at, how many of them were dead]`.
 */
export const pruneIndex: AtomicOperation = {
  name: "pruneIndex",
  lua: `${LUA_NAMES}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_UNTAG}${LUA_VERIFIED}
-- KEYS: index. ARGV: base, hash tag, page size, then for each tag: tag, members to look at.
-- Atomic: a member goes only while its key is absent. O(log N + page + members).
local whole, left = verified(), redis.call('PTTL', INDEX)
local place = redis.call('ZRANGEBYLEX', INDEX, '[\\1c', '(\\1d', 'LIMIT', '0', '1')[1]
local from = place and '(' .. string.sub(place, 3) or '[\\31'
local found = redis.call('ZRANGEBYLEX', INDEX, from, '+', 'LIMIT', '0', ARGV[3])
if place then redis.call('ZREM', INDEX, place) end
if #found == tonumber(ARGV[3]) then redis.call('ZADD', INDEX, '0', '\\1c' .. found[#found]) end
local dead, names = {}, {}
for i, member in ipairs(found) do names[i] = ENTRY .. member end
if #found > 0 and redis.call('EXISTS', unpack(names)) < #found then
  for i, member in ipairs(found) do
    if redis.call('EXISTS', names[i]) == 0 then dead[#dead + 1] = member end
  end
  if #dead > 0 then redis.call('ZREM', INDEX, unpack(dead)) end
end
if redis.call('ZREMRANGEBYSCORE', TAGS, '-inf', '(' .. now) > 0 and redis.call('EXISTS', TAGS) == 0 then
  -- Empty, not lost.
  forgetRegistry()
end
local looked, deadTagged = 0, 0
local function look(tag, count)
  local set, named = TAG .. tag, {}
  local many = isMany(set, redis.call('ZSCORE', TAGS, tag))
  local members = redis.call(many and 'SRANDMEMBER' or 'HRANDFIELD', set, count)
  for n, key in ipairs(members) do named[n] = ENTRY .. key end
  looked = looked + #members
  if #named > 0 and redis.call('EXISTS', unpack(named)) < #named then
    local gone = {}
    for n, name in ipairs(named) do
      if redis.call('EXISTS', name) == 0 then gone[#gone + 1] = members[n] end
    end
    deadTagged = deadTagged + removeMembers(set, gone, many)
    if redis.call('EXISTS', set) == 0 then forgetTag(tag) end
  end
end
for i = 4, #ARGV, 2 do look(ARGV[i], ARGV[i + 1]) end
-- Whatever went, the place of the cleaning among it: an index that was whole is empty now, and not lost.
keepEmpty(whole, left)
return {verified(), #found, #dead, looked, deadTagged}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const page = number(args[2]);
    const whole = lib.verified();
    const left = db.pttl(lib.index);
    const place = db.zrangebylex(lib.index, "[\u0001c", "(\u0001d", 0, 1)[0];
    const from = place === undefined ? "[\u001f" : `(${place.slice(2)}`;
    const found = db.zrangebylex(lib.index, from, "+", 0, page);
    if (place !== undefined) db.zrem(lib.index, place);
    if (found.length === page) db.zadd(lib.index, 0, `\u0001c${found[found.length - 1]}`);
    const dead = found.filter((member) => !db.exists(lib.entryPrefix + member));
    for (const member of dead) db.zrem(lib.index, member);
    if (db.zremrangebyscore(lib.tags, Number.NEGATIVE_INFINITY, lib.now - 1) > 0 && !db.exists(lib.tags)) {
      lib.forgetRegistry();
    }
    let looked = 0;
    let deadTagged = 0;
    const look = (tag: string, count: number): void => {
      const set = lib.tagPrefix + tag;
      const members = db.srandmember(set, count);
      looked += members.length;
      const gone = members.filter((key) => !db.exists(lib.entryPrefix + key));
      for (const key of gone) if (db.srem(set, key)) deadTagged++;
      if (gone.length > 0 && !db.exists(set)) lib.forgetTag(tag);
    };
    for (let i = 3; i < args.length; i += 2) look(text(args[i]), number(args[i + 1]));
    lib.keepEmpty(whole, left);
    return [lib.verified(), found.length, dead.length, looked, deadTagged];
  },
};
