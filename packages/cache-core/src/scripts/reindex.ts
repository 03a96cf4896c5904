import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_ADD_TAG, LUA_EXPIRE, LUA_NAMES, LUA_REGISTER, LUA_TAGS_OF } from "./lua-library.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/**
 * Registers entries that an index or a tag set does not know, as they are found by a scan of the store. A lease that
 * the index does not know is ended: an invalidation may have missed it. Replies how many were unknown.
 */
export const reindex: AtomicOperation = {
  name: "reindex",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_ADD_TAG}
-- KEYS: index [bus]. ARGV: base, hash tag, keys... Atomic: a key is registered only while its entry is there. O(keys log N).
local unknown = 0
for i = 3, #ARGV do
  local key = ARGV[i]
  local left = redis.call('PTTL', ENTRY .. key)
  if left > 0 then
    if not redis.call('ZSCORE', INDEX, key) then unknown = unknown + 1 end
    register(key, now + left)
    for _, tag in ipairs(tagsOf(ENTRY .. key)) do addTag(tag, key, now + left) end
  end
  if redis.call('EXISTS', LEASE .. key) == 1 and not redis.call('ZSCORE', INDEX, '\\4' .. key) then
    redis.call('DEL', LEASE .. key)
  end
end
return unknown
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    let unknown = 0;
    for (const argument of args.slice(2)) {
      const key = text(argument);
      const left = db.pttl(lib.entryPrefix + key);
      if (left > 0) {
        if (db.zscore(lib.index, key) === null) unknown++;
        lib.register(key, lib.now + left);
        for (const tag of lib.tagsOf(lib.entryPrefix + key)) lib.addTag(tag, key, lib.now + left);
      }
      if (db.exists(lib.leasePrefix + key) && db.zscore(lib.index, `\u0004${key}`) === null) {
        db.del(lib.leasePrefix + key);
      }
    }
    return unknown;
  },
};
