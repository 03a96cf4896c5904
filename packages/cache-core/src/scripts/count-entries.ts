import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { AFTER, number, TwinLibrary, text } from "./twin-library.ts";

/** Counts live entries in a range of an index, a page at a time. Replies `[count, cursor]`; cursor "" when done. */
export const countEntries: AtomicOperation = {
  name: "countEntries",
  lua: `${LUA_NAMES}
-- KEYS: index. ARGV: base, hash tag, prefix of the range, cursor or '', page size, '1' when scopes belong to it. O(log N + page).
local prefix = ARGV[3]
local from = ARGV[4] == '' and '[' .. (prefix == '' and '\\31' or prefix) or '(' .. ARGV[4]
local found = redis.call('ZRANGEBYLEX', INDEX, from, '(' .. prefix .. '\\255', 'LIMIT', '0', ARGV[5])
local names = {}
for _, key in ipairs(found) do
  if ARGV[6] == '1' or string.byte(key) >= 32 then names[#names + 1] = ENTRY .. key end
end
local count = #names > 0 and redis.call('EXISTS', unpack(names)) or 0
return {count, #found == tonumber(ARGV[5]) and found[#found] or ''}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const prefix = text(args[2]);
    const cursor = text(args[3]);
    const page = number(args[4]);
    const from = cursor === "" ? `[${prefix === "" ? "\u001f" : prefix}` : `(${cursor}`;
    const found = db.zrangebylex(lib.index, from, `(${prefix}${AFTER}`, 0, page);
    let count = 0;
    for (const key of found) {
      if (text(args[5]) !== "1" && key.charCodeAt(0) < 32) continue;
      if (db.exists(lib.entryPrefix + key)) count++;
    }
    return [count, Buffer.from(found.length === page ? (found[found.length - 1] as string) : "")];
  },
};
