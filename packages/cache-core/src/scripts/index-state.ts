import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_BEGIN_INDEX } from "./lua-index.ts";
import { LUA_ALLOW_OOM, LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { number, TwinLibrary } from "./twin-library.ts";

/**
 * Why an index may lack members. Replies the marks that say so; an empty list: it is complete. Where there is no index
 * although the database holds keys, one is begun with such a mark: if it is lost again during the scan that follows,
 * the mark is lost with it, and the scan does not declare complete what came and went meanwhile.
 */
export const indexState: AtomicOperation = {
  name: "indexState",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}${LUA_EXPIRE}${LUA_BEGIN_INDEX}
-- KEYS: index [bus]. ARGV: base, hash tag, lifetime of an empty index in ms. Atomic: looks and marks. O(log N).
if redis.call('EXISTS', INDEX) == 0 then
  if others() <= 0 then return {} end
  beginIndex()
  expire(INDEX, now + ARGV[3])
end
return redis.call('ZRANGEBYLEX', INDEX, '[\\1u', '(\\1v')
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    if (!db.exists(lib.index)) {
      if (lib.others() <= 0) return [];
      lib.beginIndex();
      lib.expire(lib.index, lib.now + number(args[2]));
    }
    return db.zrangebylex(lib.index, "[\u0001u", "(\u0001v").map((mark) => Buffer.from(mark));
  },
};
