import type { AtomicOperation } from "../atomic-operation.ts";
import { looksLikeEntry, MIN_HEADER_BYTES } from "../entry.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/** Enough of an entry to know its times, whatever its payload weighs. */
const HEAD_BYTES = 20;

/**
 * The first bytes of the entries of given keys, in their order; empty for a key without one. `readTimes` reads them.
 * The payloads stay where they are.
 */
export const entryTimes: AtomicOperation = {
  name: "entryTimes",
  lua: `${LUA_NAMES}
-- KEYS: index [bus]. ARGV: base, hash tag, keys... Replies a string a key. O(keys). Changes nothing.
local heads = {}
for i = 3, #ARGV do
  local head = redis.pcall('GETRANGE', ENTRY .. ARGV[i], 0, ${HEAD_BYTES - 1})
  if type(head) ~= 'string' or #head < ${MIN_HEADER_BYTES} or string.byte(head) < 192 then head = '' end
  heads[#heads + 1] = head
end
return heads
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    return args.slice(2).map((key) => {
      try {
        const head = db.getrange(lib.entryPrefix + text(key), 0, HEAD_BYTES - 1);
        return looksLikeEntry(head) ? head : Buffer.alloc(0);
      } catch {
        // Another type: no entry.
        return Buffer.alloc(0);
      }
    });
  },
};
