import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_VERIFIED } from "./lua-index.ts";
import { LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/** So many members at most are looked at because those before them were dead: about half a millisecond of the server's time. */
const MOST = 480;
/** One dead of so many is reason enough to look further. */
const ONE_OF = 8;

/**
 * Looks at the next members of an index and takes out those whose entry is gone. Every writer calls it now
 * and then, so an index under expiry or eviction cleans itself as it is written to. All go on where the last one ended,
 * which the index itself remembers (`\1c<member>`): processes with cursors of their own walked in step, over the same
 * members, and the dead outnumbered the living.
 *
 * Then it looks at random members of the sets of tags that were written to, and takes out the dead.
 *
 * Where many are dead it looks further at once, as the server does when it expires keys (`activeExpireCycle` of Redis). So a few
 * looks do where nothing dies, and a tag that is written to rarely cannot grow behind one that is written to often.
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
local function deadOf(members)
  local names, dead = {}, {}
  for i, member in ipairs(members) do names[i] = ENTRY .. member end
  if #names > 0 and redis.call('EXISTS', unpack(names)) < #names then
    for i, name in ipairs(names) do
      if redis.call('EXISTS', name) == 0 then dead[#dead + 1] = members[i] end
    end
  end
  return dead
end
local function enough(looked, members, dead)
  return looked >= ${MOST} or ${ONE_OF} * #dead < #members or #members == 0
end
local page, found, died = tonumber(ARGV[3]), 0, 0
local place = redis.call('ZRANGEBYLEX', INDEX, '[\\1c', '(\\1d', 'LIMIT', '0', '1')[1]
local from = place and '(' .. string.sub(place, 3) or '[\\31'
if place then redis.call('ZREM', INDEX, place) end
local members, dead
repeat
  members = redis.call('ZRANGEBYLEX', INDEX, from, '+', 'LIMIT', '0', ARGV[3])
  dead = deadOf(members)
  if #dead > 0 then redis.call('ZREM', INDEX, unpack(dead)) end
  found, died, from = found + #members, died + #dead, '(' .. (members[#members] or '')
until #members < page or enough(found, members, dead)
if #members == page then redis.call('ZADD', INDEX, '0', '\\1c' .. members[#members]) end
if redis.call('ZREMRANGEBYSCORE', TAGS, '-inf', '(' .. now) > 0 and redis.call('EXISTS', TAGS) == 0 then
  -- Empty, not lost.
  forgetRegistry()
end
local looked, deadTagged = 0, 0
for i = 4, #ARGV, 2 do
  local set = TAG .. ARGV[i]
  local many = isMany(set, redis.call('ZSCORE', TAGS, ARGV[i]))
  repeat
    local some = redis.call(many and 'SRANDMEMBER' or 'HRANDFIELD', set, ARGV[i + 1])
    local gone = deadOf(some)
    looked = looked + #some
    if #gone > 0 then
      deadTagged = deadTagged + removeMembers(set, gone, many)
      if redis.call('EXISTS', set) == 0 then forgetTag(ARGV[i]) end
    end
  until enough(looked, some, gone)
end
-- Whatever went, the place of the cleaning among it: an index that was whole is empty now, and not lost.
keepEmpty(whole, left)
return {verified(), found, died, looked, deadTagged}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const page = number(args[2]);
    const whole = lib.verified();
    const left = db.pttl(lib.index);
    const deadOf = (members: readonly string[]) =>
      members.filter((member) => !db.exists(lib.entryPrefix + member));
    const enough = (looked: number, members: readonly string[], dead: readonly string[]) =>
      looked >= MOST || ONE_OF * dead.length < members.length || members.length === 0;
    const place = db.zrangebylex(lib.index, "[\u0001c", "(\u0001d", 0, 1)[0];
    let from = place === undefined ? "[\u001f" : `(${place.slice(2)}`;
    if (place !== undefined) db.zrem(lib.index, place);
    let members: string[];
    let dead: string[];
    let found = 0;
    let died = 0;
    do {
      members = db.zrangebylex(lib.index, from, "+", 0, page);
      dead = deadOf(members);
      for (const member of dead) db.zrem(lib.index, member);
      found += members.length;
      died += dead.length;
      from = `(${members.at(-1) ?? ""}`;
    } while (members.length === page && !enough(found, members, dead));
    if (members.length === page) db.zadd(lib.index, 0, `\u0001c${members.at(-1)}`);
    if (db.zremrangebyscore(lib.tags, Number.NEGATIVE_INFINITY, lib.now - 1) > 0 && !db.exists(lib.tags)) {
      lib.forgetRegistry();
    }
    let looked = 0;
    let deadTagged = 0;
    for (let i = 3; i < args.length; i += 2) {
      const tag = text(args[i]);
      const set = lib.tagPrefix + tag;
      let some: string[];
      let gone: string[];
      do {
        some = db.srandmember(set, number(args[i + 1]));
        gone = deadOf(some);
        looked += some.length;
        for (const key of gone) if (db.srem(set, key)) deadTagged++;
        if (gone.length > 0 && !db.exists(set)) lib.forgetTag(tag);
      } while (!enough(looked, some, gone));
    }
    lib.keepEmpty(whole, left);
    return [lib.verified(), found, died, looked, deadTagged];
  },
};
