import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_LEASES } from "./lua-leases.ts";
import { LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/** Keeps a lease alive. Replies 1, or 0 when it is no longer the caller's: a lease that has died stays dead. */
export const renewLease: AtomicOperation = {
  name: "renewLease",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_LEASES}
-- KEYS: index. ARGV: base, hash tag, key, token, liveness ms. Atomic: compare and prolong. O(1).
local lease = leasesOf({ARGV[3]})[1]
if not lease then return 0 end
local token, epoch, taken, lives, waiters = readLease(lease)
if token ~= ARGV[4] or lives <= now then return 0 end
redis.call('HSET', LEASES, ARGV[3], token .. '|' .. epoch .. '|' .. taken .. '|' .. now + ARGV[5] .. '|' .. waiters)
expire(LEASES, now + ARGV[5])
return 1
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const key = text(args[2]);
    const held = lib.lease(key);
    if (held === undefined || held.token !== text(args[3]) || held.lives <= lib.now) return 0;
    const lives = lib.now + number(args[4]);
    lib.setLease(key, { ...held, lives });
    lib.expire(lib.leasesKey, lives);
    return 1;
  },
};
