import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_NAMES, LUA_VERIFIED } from "./lua-library.ts";
import { number, TwinLibrary } from "./twin-library.ts";

/**
 * Looks at the next members of an index and takes out those whose entry or lease is gone. Every writer calls it now
 * and then, so an index under expiry or eviction cleans itself as it is written to. All go on where the last one ended,
 * which the index itself remembers (`\1c<member>`): processes with cursors of their own walked in step, over the same
 * members, and the dead outnumbered the living.
 *
 * Replies whether the index is known to be complete.
 */
export const pruneIndex: AtomicOperation = {
  name: "pruneIndex",
  lua: `${LUA_NAMES}${LUA_VERIFIED}
-- KEYS: index. ARGV: base, hash tag, page size. Atomic: a member goes only while its key is absent. O(log N + page).
local place = redis.call('ZRANGEBYLEX', INDEX, '[\\1c', '(\\1d', 'LIMIT', 0, 1)[1]
local from = place and '(' .. string.sub(place, 3) or '[\\2'
local found = redis.call('ZRANGEBYLEX', INDEX, from, '+', 'LIMIT', 0, ARGV[3])
if place then redis.call('ZREM', INDEX, place) end
if #found == tonumber(ARGV[3]) then redis.call('ZADD', INDEX, 0, '\\1c' .. found[#found]) end
local marks = #redis.call('ZRANGEBYLEX', INDEX, '[\\4', '(\\5', 'LIMIT', 0, 1) == 0
local dead, names = {}, {}
for i, member in ipairs(found) do
  local kind = string.byte(member)
  names[i] = kind == 4 and LEASE .. string.sub(member, 2) or ENTRY .. member
end
if #found > 0 and redis.call('EXISTS', unpack(names)) < #found then
  for i, member in ipairs(found) do
    local gone
    if string.byte(member) == 2 then gone = marks else gone = redis.call('EXISTS', names[i]) == 0 end
    if gone then dead[#dead + 1] = member end
  end
  if #dead > 0 then redis.call('ZREM', INDEX, unpack(dead)) end
end
if redis.call('ZREMRANGEBYSCORE', TAGS, '-inf', '(' .. now) > 0 and redis.call('EXISTS', TAGS) == 0 then
  -- Empty, not lost.
  redis.call('ZREM', INDEX, '\\1r')
end
return verified()
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const page = number(args[2]);
    const place = db.zrangebylex(lib.index, "[\u0001c", "(\u0001d", 0, 1)[0];
    const from = place === undefined ? "[\u0002" : `(${place.slice(2)}`;
    const found = db.zrangebylex(lib.index, from, "+", 0, page);
    if (place !== undefined) db.zrem(lib.index, place);
    if (found.length === page) db.zadd(lib.index, 0, `\u0001c${found[found.length - 1]}`);
    const noLeases = db.zrangebylex(lib.index, "[\u0004", "(\u0005", 0, 1).length === 0;
    for (const member of found) {
      const kind = member.charCodeAt(0);
      const gone =
        kind === 2
          ? noLeases
          : !db.exists(kind === 4 ? lib.leasePrefix + member.slice(1) : lib.entryPrefix + member);
      if (gone) db.zrem(lib.index, member);
    }
    if (db.zremrangebyscore(lib.tags, Number.NEGATIVE_INFINITY, lib.now - 1) > 0 && !db.exists(lib.tags)) {
      db.zrem(lib.index, "\u0001r");
    }
    return lib.verified();
  },
};
