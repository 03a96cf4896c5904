import type { AtomicOperation } from "../atomic-operation.ts";
import { compileGlob } from "../glob.ts";
import { luaGlob } from "../internal/lua-glob.ts";
import { LUA_APPEND } from "./lua-bus.ts";
import { LUA_REMOVE, LUA_SOFTEN } from "./lua-entries.ts";
import { LUA_VERIFIED } from "./lua-index.ts";
import { LUA_LEASES, LUA_REVOKE, LUA_WAKE } from "./lua-leases.ts";
import { LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_ALLOW_OOM, LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { AFTER, bytes, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Removes the entries, or marks them stale, whose key lies in a lexicographic range and matches a glob, a page at a
 * time, after it has revoked all leases on such keys; tells the bus with the last page.
 *
 * Replies `[count, cursor, verified]`; cursor "" when done. `verified` 0: the index may lack members.
 */
export const invalidateRange: AtomicOperation = {
  name: "invalidateRange",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}${LUA_EXPIRE}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_UNTAG}${LUA_WAKE}${LUA_LEASES}${LUA_REVOKE}${LUA_REMOVE}${LUA_SOFTEN}${LUA_APPEND}${LUA_VERIFIED}${luaGlob}
-- KEYS: index [bus]. ARGV: base, hash tag, soft, message or '', bus ttl ms, bus limit,
--   prefix of the range, bytes of the member before the part that the glob sees, glob or '', cursor or '', page size,
--   '1' when keys that start with a control character (those of scopes) belong to the range.
-- Atomic for a page, which is enough: the range is walked in order, entry and lease of a key go together, and what is
-- filled behind the cursor was fetched after the call began. O(log N + page), and O(leases out) on the first.
local prefix, skip, pattern, page, soft = ARGV[7], tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[11]), ARGV[3] ~= '0'
local whole = verified()
local function covered(key)
  if ARGV[12] ~= '1' and string.byte(key) < 32 then return false end
  return pattern == '' or glob(pattern, string.sub(key, skip + 1))
end
if ARGV[10] == '' then
  local leased = {}
  local out = redis.pcall('HKEYS', LEASES)
  for _, key in ipairs(out.err and {} or out) do
    if string.byte(key) > 2 and string.sub(key, 1, #prefix) == prefix and covered(key) then leased[#leased + 1] = key end
  end
  for from = 1, #leased, 1000 do revoke({unpack(leased, from, math.min(#leased, from + 999))}) end
end
local from = ARGV[10] == '' and '[' .. (prefix == '' and '\\31' or prefix) or '(' .. ARGV[10]
local found = redis.call('ZRANGEBYLEX', INDEX, from, '(' .. prefix .. '\\255', 'LIMIT', '0', page)
local count, hit = 0, {}
for _, key in ipairs(found) do
  if covered(key) then hit[#hit + 1] = key end
end
if soft then
  if #hit > 0 then revoke(hit) end
  for _, key in ipairs(hit) do
    local had = soften(key)
    -- A member without an entry is dead: the entry has expired or was evicted.
    if had == 0 and redis.call('EXISTS', ENTRY .. key) == 0 then redis.call('ZREM', INDEX, key) end
    count = count + had
  end
else
  count = remove(hit)
end
local cursor = #found == page and found[#found] or ''
keepEmpty(whole, ARGV[5])
if cursor == '' and KEYS[2] and ARGV[4] ~= '' then append(KEYS[2], ARGV[4], ARGV[5], ARGV[6]) end
return {count, cursor, whole}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const soft = text(args[2]) !== "0";
    const prefix = text(args[6]);
    const skip = number(args[7]);
    const pattern = text(args[8]);
    const cursorIn = text(args[9]);
    const page = number(args[10]);
    const scopes = text(args[11]) === "1";
    const whole = lib.verified();
    const glob = pattern === "" ? null : compileGlob(pattern);
    const covered = (key: string): boolean => {
      if (!scopes && key.charCodeAt(0) < 32) return false;
      // `skip` counts bytes; a scope's name may hold any character, so the cut is made on bytes as in Lua.
      return (
        glob === null || glob.matches(skip === 0 ? key : Buffer.from(key).subarray(skip).toString("utf8"))
      );
    };
    if (cursorIn === "") {
      lib.revoke(lib.leasedKeys().filter((key) => key.startsWith(prefix) && covered(key)));
    }
    const from = cursorIn === "" ? `[${prefix === "" ? "\u001f" : prefix}` : `(${cursorIn}`;
    const found = db.zrangebylex(lib.index, from, `(${prefix}${AFTER}`, 0, page);
    const hit = found.filter(covered);
    const count = soft ? lib.soften(hit, text(args[2]) === "2") : lib.remove(hit);
    if (soft) for (const key of hit) if (!db.exists(lib.entryPrefix + key)) db.zrem(lib.index, key);
    const cursor = found.length === page ? (found[found.length - 1] as string) : "";
    lib.keepEmpty(whole, number(args[4]));
    if (cursor === "" && lib.bus !== undefined && bytes(args[3]).length > 0) {
      lib.append(bytes(args[3]), number(args[4]), args[5]);
    }
    return [count, Buffer.from(cursor), whole];
  },
};
