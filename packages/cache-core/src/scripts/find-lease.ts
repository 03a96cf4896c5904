import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_LEASES } from "./lua-leases.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/** Whether somebody holds the lease of a key. Changes nothing. */
export const findLease: AtomicOperation = {
  name: "findLease",
  lua: `${LUA_NAMES}${LUA_LEASES}
-- KEYS: index. ARGV: base, hash tag, key. Replies 1 or 0. O(1).
local lease = leasesOf({ARGV[3]})[1]
if not lease then return 0 end
local token, epoch, taken, lives = readLease(lease)
return lives > now and 1 or 0
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const held = lib.lease(text(args[2]));
    return held !== undefined && held.lives > lib.now ? 1 : 0;
  },
};
