import type { AtomicOperation } from "../atomic-operation.ts";
import {
  LUA_ADD_TAG,
  LUA_ENTRY_OF,
  LUA_EXPIRE,
  LUA_MARKED,
  LUA_NAMES,
  LUA_REGISTER,
  LUA_TAGS_OF,
  LUA_UNTAG,
  LUA_WAKE,
} from "./lua-library.ts";
import { entryFromArguments, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Stores fetched values whose leases still stand; ends the leases either way.
 *
 * A value is refused (`0`) when its lease is gone (revoked, expired, or another's), when the index that knew of it was
 * lost, when it is older than the longest fetch allowed, or when one of the value's tags was invalidated since it was
 * taken. Replies 1 or 0 for each.
 */
export const fillEntries: AtomicOperation = {
  name: "fillEntries",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_UNTAG}${LUA_ADD_TAG}${LUA_WAKE}${LUA_MARKED}${LUA_ENTRY_OF}
-- KEYS: index [bus]. ARGV: base, hash tag, longest fetch ms,
--   then for each value: key, token, fresh ms, total ms, kind, flags, cost, checksum, payload, number of tags, tags...
-- Atomic: the lease is checked, the entry written and the lease dropped with nothing in between. Membership is
-- registered before the value. O(values x (tags + 1) log N).
local function fill(i, count)
  local key, lease = ARGV[i], LEASE .. ARGV[i]
  local held = redis.call('GET', lease)
  if not held then return 0 end
  local token, since, waiters = string.match(held, '^([^|]*)|([^|]*)|(.*)$')
  if token ~= ARGV[i + 1] then return 0 end
  redis.call('DEL', lease)
  local standing = redis.call('ZREM', INDEX, '\\4' .. key) == 1 and tonumber(micros) - string.match(since, '^%d+') <= ARGV[3] * 1000
  local keep, tags = {}, {}
  for t = 1, count do
    local tag = ARGV[i + 9 + t]
    if marked(tag, since) then standing = false end
    keep[tag], tags[t] = true, tag
  end
  if not standing then
    wake(held, key, 'r')
    return 0
  end
  local total = ARGV[i + 3]
  local at = now + total
  register(key, at)
  untag(key, keep)
  for _, tag in ipairs(tags) do addTag(tag, key, at) end
  redis.call('SET', ENTRY .. key, entryOf(i + 4, ARGV[i + 2], total, tags), 'PX', total)
  if waiters ~= '' then wake(held, key, 'f') end
  return 1
end
local i, replies = 4, {}
while i <= #ARGV do
  local count = tonumber(ARGV[i + 9])
  replies[#replies + 1] = fill(i, count)
  i = i + 10 + count
end
return replies
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const longestFetchMs = number(args[2]);
    const fill = (i: number, count: number): number => {
      const key = text(args[i]);
      const lease = lib.leasePrefix + key;
      const held = db.get(lease)?.toString("utf8");
      if (held === undefined) return 0;
      const [token, since] = held.split("|") as [string, string];
      if (token !== text(args[i + 1])) return 0;
      db.del(lease);
      let standing =
        db.zrem(lib.index, `\u0004${key}`) &&
        Number(lib.micros) - Number.parseInt(since, 10) <= longestFetchMs * 1000;
      const tags = args.slice(i + 10, i + 10 + count).map(text);
      if (tags.some((tag) => lib.marked(tag, since))) standing = false;
      if (!standing) {
        lib.wake(held, key, "r");
        return 0;
      }
      const at = lib.now + number(args[i + 3]);
      lib.register(key, at);
      lib.untag(key, new Set(tags));
      for (const tag of tags) lib.addTag(tag, key, at);
      const entry = entryFromArguments(args.slice(i + 2, i + 9), lib.now, tags);
      db.set(lib.entryPrefix + key, entry, at);
      lib.wake(held, key, "f");
      return 1;
    };
    const replies: number[] = [];
    for (let i = 3; i < args.length; ) {
      const count = number(args[i + 9]);
      replies.push(fill(i, count));
      i += 10 + count;
    }
    return replies;
  },
};
