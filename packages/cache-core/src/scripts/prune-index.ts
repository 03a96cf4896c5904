import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_NAMES, LUA_VERIFIED } from "./lua-library.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Looks at the next members of an index and takes out those whose entry or lease is gone. Every writer calls it now
 * and then with a cursor of its own, so an index under expiry or eviction cleans itself as it is written to.
 *
 * Replies `[cursor, verified]`; cursor "" at the end, `verified` 0 when the index may lack members.
 */
export const pruneIndex: AtomicOperation = {
  name: "pruneIndex",
  lua: `${LUA_NAMES}${LUA_VERIFIED}
-- KEYS: index. ARGV: base, hash tag, cursor or '', page size. Atomic: a member goes only while its key is absent. O(log N + page).
local from = ARGV[3] == '' and '[\\2' or '(' .. ARGV[3]
local found = redis.call('ZRANGEBYLEX', INDEX, from, '+', 'LIMIT', 0, ARGV[4])
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
return {#found == tonumber(ARGV[4]) and found[#found] or '', verified()}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const cursor = text(args[2]);
    const page = number(args[3]);
    const found = db.zrangebylex(lib.index, cursor === "" ? "[\u0002" : `(${cursor}`, "+", 0, page);
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
    return [Buffer.from(found.length === page ? (found[found.length - 1] as string) : ""), lib.verified()];
  },
};
