import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_APPEND } from "./lua-bus.ts";
import { LUA_REMOVE, LUA_SOFTEN } from "./lua-entries.ts";
import { LUA_VERIFIED } from "./lua-index.ts";
import { LUA_LEASES, LUA_REVOKE, LUA_WAKE } from "./lua-leases.ts";
import { LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_ALLOW_OOM, LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { bytes, number, TwinLibrary, text } from "./twin-library.ts";

/** Removes the named keys, or marks them stale, revokes their fills, and tells the bus. Replies how many there were. */
export const invalidateKeys: AtomicOperation = {
  name: "invalidateKeys",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}${LUA_EXPIRE}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_UNTAG}${LUA_WAKE}${LUA_LEASES}${LUA_REVOKE}${LUA_REMOVE}${LUA_SOFTEN}${LUA_APPEND}${LUA_VERIFIED}
-- KEYS: index [bus]. ARGV: base, hash tag, soft (0, 1, or 2: count what is newly marked), message or '', bus ttl ms, bus limit, keys...
-- Atomic: entry, lease and message go together. O(keys log N).
local count, whole, keys = 0, verified(), {unpack(ARGV, 7)}
if ARGV[3] ~= '0' then
  revoke(keys)
  for _, key in ipairs(keys) do count = count + soften(key) end
else
  count = remove(keys)
end
keepEmpty(whole, ARGV[5])
if KEYS[2] and ARGV[4] ~= '' then append(KEYS[2], ARGV[4], ARGV[5], ARGV[6]) end
return count
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const soft = text(args[2]) !== "0";
    const whole = lib.verified();
    const names = args.slice(6).map(text);
    const count = soft ? lib.soften(names, text(args[2]) === "2") : lib.remove(names);
    lib.keepEmpty(whole, number(args[4]));
    if (lib.bus !== undefined && bytes(args[3]).length > 0) {
      lib.append(bytes(args[3]), number(args[4]), args[5]);
    }
    return count;
  },
};
