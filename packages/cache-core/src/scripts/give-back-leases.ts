import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_LEASES, LUA_WAKE } from "./lua-leases.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/**
 * Ends leases under which nobody will fill, as `releaseLease` does with nothing to share. Replies for each 1 when it
 * stood, else 0.
 */
export const giveBackLeases: AtomicOperation = {
  name: "giveBackLeases",
  lua: `${LUA_NAMES}${LUA_WAKE}${LUA_LEASES}
-- KEYS: index. ARGV: base, hash tag, then for each lease: key, token; tokens differ. Atomic: compare and delete. O(leases).
local fields, ended, replies = {'\\1'}, {}, {}
for i = 3, #ARGV, 2 do fields[#fields + 1] = ARGV[i] end
local found = leasesOf(fields)
for i = 3, #ARGV, 2 do
  local key, lease, stood = ARGV[i], found[(i + 1) / 2], 0
  local token, _, _, lives = readLease(lease or '')
  if lease and token == ARGV[i + 1] then
    if lives > now then stood = 1 end
    ended[#ended + 1] = key
    wake(lease, key, stood == 1 and 'e' or 'r')
  end
  replies[#replies + 1] = stood
end
endLeases(ended, found[1])
return replies
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const ended: string[] = [];
    const replies: number[] = [];
    for (let i = 2; i < args.length; i += 2) {
      const key = text(args[i]);
      const held = lib.lease(key);
      const own = held !== undefined && held.token === text(args[i + 1]);
      const stood = own && held.lives > lib.now;
      if (own) {
        ended.push(key);
        lib.wake(held, key, stood ? "e" : "r");
      }
      replies.push(stood ? 1 : 0);
    }
    lib.endLeases(ended);
    return replies;
  },
};
