import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_LEASES, LUA_MARKS, LUA_SWEEP_LEASES, LUA_WAKE } from "./lua-leases.ts";
import { LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/**
 * Ends a lease without a value. Replies 1 when it still stood and none of the result's tags was invalidated since it
 * was taken: then nothing that it covers was, and a result that is not stored (`null`, an error) may be given to those
 * who joined.
 */
export const releaseLease: AtomicOperation = {
  name: "releaseLease",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_WAKE}${LUA_LEASES}${LUA_SWEEP_LEASES}${LUA_MARKS}
-- KEYS: index. ARGV: base, hash tag, key, token,
--   outcome ('n' null, 'u' undefined, 'e' nothing to share, 'r' not decided: ask again), tags...
-- Atomic: compare and delete. O(tags).
local key = ARGV[3]
local found = leasesOf({'\\1', key})
local meta, lease = found[1], found[2]
if not lease then return 0 end
local token, epoch, taken, lives = readLease(lease)
if token ~= ARGV[4] then return 0 end
local standing = lives > now
for _, mark in pairs(meta and marksOf({unpack(ARGV, 6)}) or {}) do
  if mark > epoch then standing = false end
end
endLeases({key}, meta)
wake(lease, key, standing and ARGV[5] or 'r')
return standing and 1 or 0
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const key = text(args[2]);
    const held = lib.lease(key);
    if (held === undefined || held.token !== text(args[3])) return 0;
    const standing = held.lives > lib.now && !lib.marked(args.slice(5).map(text), held.epoch);
    lib.endLeases([key]);
    lib.wake(held, key, standing ? text(args[4]) : "r");
    return standing ? 1 : 0;
  },
};
