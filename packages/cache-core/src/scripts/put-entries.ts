import type { AtomicOperation } from "../atomic-operation.ts";
import { type EntryWrite, entryWrite } from "./entry-arguments.ts";
import { LUA_APPEND } from "./lua-bus.ts";
import { LUA_WRITE_ENTRIES } from "./lua-entries.ts";
import { LUA_BEGIN_INDEX, LUA_REGISTER } from "./lua-index.ts";
import { LUA_LEASES, LUA_REVOKE, LUA_WAKE } from "./lua-leases.ts";
import { LUA_ADD_MEMBERS, LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { LUA_ADD_TAGS, LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { bytes, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Stores values that the caller has, revoking the fills of their keys that are under way, and tells the bus. Of several
 * values for one key the last is stored.
 *
 * Replies the store's time in ms; or 0, and stores nothing, when that is later than the caller waits: a call that was
 * given up, and lies in some buffer, must not bring back what was invalidated since.
 */
export const putEntries: AtomicOperation = {
  name: "putEntries",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_BEGIN_INDEX}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_ADD_MEMBERS}${LUA_UNTAG}${LUA_ADD_TAGS}${LUA_WAKE}${LUA_LEASES}${LUA_REVOKE}${LUA_WRITE_ENTRIES}${LUA_APPEND}
-- KEYS: index [bus]. ARGV: base, hash tag, message or '', bus ttl ms, bus limit, last ms to act or '',
--   then for each entry: key, header, cost, checksum, body, number of tags, tags...
-- Atomic: value, membership, revocation and message appear together. O(entries x (tags + 1) log N).
if ARGV[6] ~= '' and now > tonumber(ARGV[6]) then return 0 end
local last, keys, places, keyOf, i, count = {}, {}, {}, {}, 7, #ARGV
while i <= count do
  if not last[ARGV[i]] then keys[#keys + 1] = ARGV[i] end
  last[ARGV[i]] = i + 1
  i = i + 6 + ARGV[i + 5]
end
for n, key in ipairs(keys) do
  places[n] = last[key]
  keyOf[places[n]] = key
end
writeEntries(places, keyOf)
revoke(keys)
if KEYS[2] and ARGV[3] ~= '' then append(KEYS[2], ARGV[3], ARGV[4], ARGV[5]) end
return now
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const until = text(args[5]);
    if (until !== "" && lib.now > Number(until)) return 0;
    const last = new Map<string, EntryWrite>();
    for (let i = 6; i < args.length; ) {
      const write = entryWrite(text(args[i]), args, i + 1);
      last.set(write.key, write);
      i += 6 + write.tags.length;
    }
    lib.writeEntries([...last.values()]);
    lib.revoke([...last.keys()]);
    if (lib.bus !== undefined && bytes(args[2]).length > 0) {
      lib.append(bytes(args[2]), number(args[3]), args[4]);
    }
    return lib.now;
  },
};
