import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_NAMES, LUA_WAKE } from "./lua-library.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/**
 * Ends a lease without a value. Replies 1 when it still stood: then nothing that it covers was invalidated since it
 * was taken, and a result that is not stored (`null`, an error) may be given to those who joined.
 */
export const releaseLease: AtomicOperation = {
  name: "releaseLease",
  lua: `${LUA_NAMES}${LUA_WAKE}
-- KEYS: index. ARGV: base, hash tag, key, token, outcome ('n' nothing, 'e' error). Atomic: compare and delete. O(log N).
local key, lease = ARGV[3], LEASE .. ARGV[3]
local held = redis.call('GET', lease)
if not held or string.match(held, '^[^|]*') ~= ARGV[4] then return 0 end
redis.call('DEL', lease)
local known = redis.call('ZREM', INDEX, '\\4' .. key)
wake(held, key, known == 1 and ARGV[5] or 'r')
return known
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const key = text(args[2]);
    const held = db.get(lib.leasePrefix + key)?.toString("utf8");
    if (held === undefined || held.split("|")[0] !== text(args[3])) return 0;
    db.del(lib.leasePrefix + key);
    const known = db.zrem(lib.index, `\u0004${key}`);
    lib.wake(held, key, known ? text(args[4]) : "r");
    return known ? 1 : 0;
  },
};
