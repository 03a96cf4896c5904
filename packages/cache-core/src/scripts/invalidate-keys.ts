import type { AtomicOperation } from "../atomic-operation.ts";
import {
  LUA_ALLOW_OOM,
  LUA_APPEND,
  LUA_EXPIRE,
  LUA_NAMES,
  LUA_REMOVE,
  LUA_REVOKE,
  LUA_SOFTEN,
  LUA_TAGS_OF,
  LUA_UNTAG,
  LUA_VERIFIED,
  LUA_WAKE,
} from "./lua-library.ts";
import { bytes, number, TwinLibrary, text } from "./twin-library.ts";

/** Removes the named keys, or marks them stale, revokes their fills, and tells the bus. Replies how many there were. */
export const invalidateKeys: AtomicOperation = {
  name: "invalidateKeys",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}${LUA_EXPIRE}${LUA_TAGS_OF}${LUA_UNTAG}${LUA_WAKE}${LUA_REVOKE}${LUA_REMOVE}${LUA_SOFTEN}${LUA_APPEND}${LUA_VERIFIED}
-- KEYS: index [bus]. ARGV: base, hash tag, soft (1 or 0), message or '', bus ttl ms, bus limit, keys...
-- Atomic: entry, lease and message go together. O(keys log N).
local count, whole = 0, verified()
if ARGV[3] == '1' then
  for i = 7, #ARGV do count = count + soften(ARGV[i]) end
else
  local keys = {}
  for i = 7, #ARGV do keys[i - 6] = ARGV[i] end
  count = remove(keys)
end
keepEmpty(whole, ARGV[5])
if KEYS[2] and ARGV[4] ~= '' then append(KEYS[2], ARGV[4], ARGV[5], ARGV[6]) end
return count
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const soft = text(args[2]) === "1";
    const whole = lib.verified();
    let count = 0;
    for (let i = 6; i < args.length; i++) {
      count += soft ? lib.soften(text(args[i])) : lib.remove(text(args[i]));
    }
    lib.keepEmpty(whole, number(args[4]));
    if (lib.bus !== undefined && bytes(args[3]).length > 0) {
      lib.append(bytes(args[3]), number(args[4]), number(args[5]));
    }
    return count;
  },
};
