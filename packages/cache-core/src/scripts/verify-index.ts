import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_ALLOW_OOM, LUA_NAMES } from "./lua-names.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Declares an index complete after a scan: takes out the marks that were there when the scan began. A mark set since
 * then stays, and asks for another scan. Replies 1 when no mark is left.
 */
export const verifyIndex: AtomicOperation = {
  name: "verifyIndex",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}
-- KEYS: index. ARGV: base, hash tag, lifetime of an empty index in ms, marks... Atomic: marks are compared one by one.
-- O(marks log N).
local removed = 0
for i = 4, #ARGV do removed = removed + redis.call('ZREM', INDEX, ARGV[i]) end
if removed > 0 and redis.call('EXISTS', INDEX) == 0 then
  -- It held nothing else. Remembered as empty, so that the next invalidation needs no scan.
  redis.call('ZADD', INDEX, '0', '\\1e')
  redis.call('PEXPIREAT', INDEX, now + ARGV[3])
end
return #redis.call('ZRANGEBYLEX', INDEX, '[\\1u', '(\\1v', 'LIMIT', '0', '1') == 0 and 1 or 0
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    let removed = 0;
    for (const mark of args.slice(3)) if (db.zrem(lib.index, text(mark))) removed++;
    if (removed > 0 && !db.exists(lib.index)) {
      db.zadd(lib.index, 0, "\u0001e");
      db.pexpireat(lib.index, lib.now + number(args[2]));
    }
    return db.zrangebylex(lib.index, "[\u0001u", "(\u0001v", 0, 1).length === 0 ? 1 : 0;
  },
};
