import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_EXPIRE, LUA_NAMES } from "./lua-library.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/** Keeps a lease alive. Replies 1, or 0 when it is no longer the caller's. */
export const renewLease: AtomicOperation = {
  name: "renewLease",
  lua: `${LUA_NAMES}${LUA_EXPIRE}
-- KEYS: index. ARGV: base, hash tag, key, token, liveness ms. Atomic: compare and expire. O(1).
local lease = LEASE .. ARGV[3]
local held = redis.call('GET', lease)
if not held or string.match(held, '^[^|]*') ~= ARGV[4] then return 0 end
redis.call('PEXPIRE', lease, ARGV[5])
expire(INDEX, now + ARGV[5])
return 1
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const lease = lib.leasePrefix + text(args[2]);
    const held = db.get(lease)?.toString("utf8");
    if (held === undefined || held.split("|")[0] !== text(args[3])) return 0;
    const at = lib.now + number(args[4]);
    db.pexpireat(lease, at);
    lib.expire(lib.index, at);
    return 1;
  },
};
