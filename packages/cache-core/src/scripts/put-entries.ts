import type { AtomicOperation } from "../atomic-operation.ts";
import {
  LUA_ADD_TAG,
  LUA_APPEND,
  LUA_EXPIRE,
  LUA_NAMES,
  LUA_REGISTER,
  LUA_REVOKE,
  LUA_STAMP,
  LUA_TAGS_OF,
  LUA_UNTAG,
  LUA_WAKE,
} from "./lua-library.ts";
import { bytes, entryBytes, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Stores values that the caller has, revoking the fills of their keys that are under way, and tells the bus.
 * Replies the store's time in ms.
 */
export const putEntries: AtomicOperation = {
  name: "putEntries",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_UNTAG}${LUA_ADD_TAG}${LUA_WAKE}${LUA_REVOKE}${LUA_STAMP}${LUA_APPEND}
-- KEYS: index [bus]. ARGV: base, hash tag, message or '', bus ttl ms, bus limit,
--   then for each entry: key, fresh ms, total ms, head, tail, number of tags, tags...
-- Atomic: value, membership, revocation and message appear together. O(entries x (tags + 1) log N).
local i = 6
while i <= #ARGV do
  local key, total, tags = ARGV[i], ARGV[i + 2], tonumber(ARGV[i + 5])
  local at, keep = now + total, {}
  for t = i + 6, i + 5 + tags do keep[ARGV[t]] = true end
  register(key, at)
  untag(key, keep)
  for t = i + 6, i + 5 + tags do addTag(ARGV[t], key, at) end
  redis.call('SET', ENTRY .. key, ARGV[i + 3] .. stamp(now) .. stamp(now + ARGV[i + 1]) .. stamp(at) .. ARGV[i + 4], 'PX', total)
  revoke(key)
  i = i + 6 + tags
end
if KEYS[2] and ARGV[3] ~= '' then append(KEYS[2], ARGV[3], ARGV[4], ARGV[5]) end
return now
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    let i = 5;
    while (i < args.length) {
      const key = text(args[i]);
      const totalMs = number(args[i + 2]);
      const tagCount = number(args[i + 5]);
      const tags = args.slice(i + 6, i + 6 + tagCount).map(text);
      const at = lib.now + totalMs;
      lib.register(key, at);
      lib.untag(key, new Set(tags));
      for (const tag of tags) lib.addTag(tag, key, at);
      db.set(
        lib.entryPrefix + key,
        entryBytes(bytes(args[i + 3]), lib.now, number(args[i + 1]), totalMs, bytes(args[i + 4])),
        at,
      );
      lib.revoke(key);
      i += 6 + tagCount;
    }
    if (lib.bus !== undefined && bytes(args[2]).length > 0) {
      lib.append(bytes(args[2]), number(args[3]), number(args[4]));
    }
    return lib.now;
  },
};
