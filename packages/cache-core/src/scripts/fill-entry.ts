import type { AtomicOperation } from "../atomic-operation.ts";
import {
  LUA_ADD_TAG,
  LUA_EXPIRE,
  LUA_NAMES,
  LUA_REGISTER,
  LUA_STAMP,
  LUA_TAGS_OF,
  LUA_UNTAG,
  LUA_WAKE,
} from "./lua-library.ts";
import { bytes, entryBytes, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Stores a fetched value if its lease still stands; ends the lease either way.
 *
 * Refused (`0`) when the lease is gone (revoked, expired, or another's), when the index that knew of it was lost, when
 * it is older than the longest fetch allowed, or when one of the value's tags was invalidated since it was taken.
 * Replies: `[1 or 0, now]`.
 */
export const fillEntry: AtomicOperation = {
  name: "fillEntry",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_UNTAG}${LUA_ADD_TAG}${LUA_WAKE}${LUA_STAMP}
-- KEYS: index [bus]. ARGV: base, hash tag, key, token, fresh ms, total ms, head, tail, longest fetch ms, tags...
-- Atomic: the lease is checked, the entry written and the lease dropped with nothing in between. Membership is
-- registered before the value. O((tags + 1) log N).
local key, lease = ARGV[3], LEASE .. ARGV[3]
local held = redis.call('GET', lease)
if not held then return {0, now} end
local token, since = string.match(held, '^([^|]*)|([^|]*)|')
if token ~= ARGV[4] then return {0, now} end
redis.call('DEL', lease)
local standing = redis.call('ZREM', INDEX, '\\4' .. key) == 1 and tonumber(micros) - since <= ARGV[9] * 1000
local keep = {}
for i = 10, #ARGV do
  local mark = redis.call('ZREVRANGEBYLEX', INDEX, '(\\2' .. ARGV[i] .. '\\1', '[\\2' .. ARGV[i] .. '\\0', 'LIMIT', 0, 1)[1]
  if mark and string.sub(mark, #ARGV[i] + 3) >= since then standing = false end
  keep[ARGV[i]] = true
end
if not standing then
  wake(held, key, 'r')
  return {0, now}
end
local at = now + ARGV[6]
register(key, at)
untag(key, keep)
for i = 10, #ARGV do addTag(ARGV[i], key, at) end
redis.call('SET', ENTRY .. key, ARGV[7] .. stamp(now) .. stamp(now + ARGV[5]) .. stamp(at) .. ARGV[8], 'PX', ARGV[6])
wake(held, key, 'f')
return {1, now}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const key = text(args[2]);
    const lease = lib.leasePrefix + key;
    const heldBytes = db.get(lease);
    if (heldBytes === null) return [0, lib.now];
    const held = heldBytes.toString("utf8");
    const [token, since] = held.split("|") as [string, string];
    if (token !== text(args[3])) return [0, lib.now];
    db.del(lease);
    let standing =
      db.zrem(lib.index, `\u0004${key}`) && Number(lib.micros) - Number(since) <= number(args[8]) * 1000;
    const tags = args.slice(9).map(text);
    for (const tag of tags) {
      const mark = db.zrevrangebylex(lib.index, `(\u0002${tag}\u0001`, `[\u0002${tag}\0`, 0, 1)[0];
      if (mark !== undefined && mark.slice(tag.length + 2) >= since) standing = false;
    }
    if (!standing) {
      lib.wake(held, key, "r");
      return [0, lib.now];
    }
    const totalMs = number(args[5]);
    const at = lib.now + totalMs;
    lib.register(key, at);
    lib.untag(key, new Set(tags));
    for (const tag of tags) lib.addTag(tag, key, at);
    db.set(
      lib.entryPrefix + key,
      entryBytes(bytes(args[6]), lib.now, number(args[4]), totalMs, bytes(args[7])),
      at,
    );
    lib.wake(held, key, "f");
    return [1, lib.now];
  },
};
