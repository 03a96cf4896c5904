import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_MARKED, LUA_NAMES, LUA_WAKE } from "./lua-library.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/**
 * Ends a lease without a value. Replies 1 when it still stood and none of the result's tags was invalidated since it
 * was taken: then nothing that it covers was, and a result that is not stored (`null`, an error) may be given to those
 * who joined.
 */
export const releaseLease: AtomicOperation = {
  name: "releaseLease",
  lua: `${LUA_NAMES}${LUA_WAKE}${LUA_MARKED}
-- KEYS: index. ARGV: base, hash tag, key, token,
--   outcome ('n' null, 'u' undefined, 'e' nothing to share, 'r' not decided: ask again), tags...
-- Atomic: compare and delete. O((tags + 1) log N).
local key, lease = ARGV[3], LEASE .. ARGV[3]
local held = redis.call('GET', lease)
if not held then return 0 end
local token, since = string.match(held, '^([^|]*)|([^|]*)|')
if token ~= ARGV[4] then return 0 end
redis.call('DEL', lease)
local standing = redis.call('ZREM', INDEX, '\\4' .. key) == 1
for i = 6, #ARGV do
  if marked(ARGV[i], since) then standing = false end
end
wake(held, key, standing and ARGV[5] or 'r')
return standing and 1 or 0
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const key = text(args[2]);
    const held = db.get(lib.leasePrefix + key)?.toString("utf8");
    if (held === undefined) return 0;
    const [token, since] = held.split("|") as [string, string];
    if (token !== text(args[3])) return 0;
    db.del(lib.leasePrefix + key);
    const known = db.zrem(lib.index, `\u0004${key}`);
    const tags = args.slice(5).map(text);
    const standing = known && !tags.some((tag) => lib.marked(tag, since));
    lib.wake(held, key, standing ? text(args[4]) : "r");
    return standing ? 1 : 0;
  },
};
