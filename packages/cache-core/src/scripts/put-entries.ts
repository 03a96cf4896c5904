import type { AtomicOperation } from "../atomic-operation.ts";
import {
  LUA_ADD_TAG,
  LUA_APPEND,
  LUA_ENTRY_OF,
  LUA_EXPIRE,
  LUA_NAMES,
  LUA_REGISTER,
  LUA_REVOKE,
  LUA_TAGS_OF,
  LUA_UNTAG,
  LUA_WAKE,
} from "./lua-library.ts";
import { bytes, entryFromArguments, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Stores values that the caller has, revoking the fills of their keys that are under way, and tells the bus.
 *
 * Replies the store's time in ms; or 0, and stores nothing, when that is later than the caller waits: a call that was
 * given up, and lies in some buffer, must not bring back what was invalidated since.
 */
export const putEntries: AtomicOperation = {
  name: "putEntries",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_UNTAG}${LUA_ADD_TAG}${LUA_WAKE}${LUA_REVOKE}${LUA_ENTRY_OF}${LUA_APPEND}
-- KEYS: index [bus]. ARGV: base, hash tag, message or '', bus ttl ms, bus limit, last ms to act or '',
--   then for each entry: key, fresh ms, total ms, kind, flags, cost, checksum, payload, number of tags, tags...
-- Atomic: value, membership, revocation and message appear together. O(entries x (tags + 1) log N).
if ARGV[6] ~= '' and now > tonumber(ARGV[6]) then return 0 end
local i = 7
while i <= #ARGV do
  local key, total, count = ARGV[i], ARGV[i + 2], tonumber(ARGV[i + 8])
  local at, keep, tags = now + total, {}, {}
  for t = 1, count do
    tags[t] = ARGV[i + 8 + t]
    keep[tags[t]] = true
  end
  register(key, at)
  untag(key, keep)
  for _, tag in ipairs(tags) do addTag(tag, key, at) end
  redis.call('SET', ENTRY .. key, entryOf(i + 3, ARGV[i + 1], total, tags), 'PX', total)
  revoke(key)
  i = i + 9 + count
end
if KEYS[2] and ARGV[3] ~= '' then append(KEYS[2], ARGV[3], ARGV[4], ARGV[5]) end
return now
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const until = text(args[5]);
    if (until !== "" && lib.now > Number(until)) return 0;
    let i = 6;
    while (i < args.length) {
      const key = text(args[i]);
      const totalMs = number(args[i + 2]);
      const tagCount = number(args[i + 8]);
      const tags = args.slice(i + 9, i + 9 + tagCount).map(text);
      const at = lib.now + totalMs;
      lib.register(key, at);
      lib.untag(key, new Set(tags));
      for (const tag of tags) lib.addTag(tag, key, at);
      const entry = entryFromArguments(args.slice(i + 1, i + 8), lib.now, tags);
      db.set(lib.entryPrefix + key, entry, at);
      lib.revoke(key);
      i += 9 + tagCount;
    }
    if (lib.bus !== undefined && bytes(args[2]).length > 0) {
      lib.append(bytes(args[2]), number(args[3]), number(args[4]));
    }
    return lib.now;
  },
};
