import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_NAMES } from "./lua-library.ts";
import { TwinLibrary } from "./twin-library.ts";

/**
 * Why an index may lack members. Replies the marks that say so (an empty list: it is complete), or `[""]` when there
 * is no index although the database holds keys.
 */
export const indexState: AtomicOperation = {
  name: "indexState",
  lua: `${LUA_NAMES}
-- KEYS: index [bus]. ARGV: base, hash tag. Reads only. O(log N).
if redis.call('EXISTS', INDEX) == 0 then
  local others = redis.call('DBSIZE')
  if KEYS[2] then others = others - redis.call('EXISTS', KEYS[2]) end
  return others > 0 and {''} or {}
end
return redis.call('ZRANGEBYLEX', INDEX, '[\\1u', '(\\1v')
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    if (!db.exists(lib.index)) {
      const others = db.dbsize() - (lib.bus !== undefined && db.exists(lib.bus) ? 1 : 0);
      return others > 0 ? [Buffer.alloc(0)] : [];
    }
    return db.zrangebylex(lib.index, "[\u0001u", "(\u0001v").map((mark) => Buffer.from(mark));
  },
};
