import type { AtomicOperation } from "../atomic-operation.ts";
import { type EntryWrite, entryWrite } from "./entry-arguments.ts";
import { LUA_WRITE_ENTRIES } from "./lua-entries.ts";
import { LUA_BEGIN_INDEX, LUA_REGISTER } from "./lua-index.ts";
import { LUA_LEASES, LUA_MARKS, LUA_SWEEP_LEASES, LUA_WAKE } from "./lua-leases.ts";
import { LUA_ADD_MEMBERS, LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { LUA_ADD_TAGS, LUA_TAGS_OF, LUA_UNTAG } from "./lua-tags.ts";
import { number, type StoredLease, TwinLibrary, text } from "./twin-library.ts";

/**
 * Stores fetched values whose leases still stand; ends the leases either way.
 *
 * A value is refused (`0`) when its lease is gone (revoked, expired, or another's, or lost with all the others), when it
 * is older than the longest fetch allowed, or when one of the value's tags was invalidated since it was taken. Replies 1
 * or 0 for each.
 */
export const fillEntries: AtomicOperation = {
  name: "fillEntries",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_BEGIN_INDEX}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_ADD_MEMBERS}${LUA_UNTAG}${LUA_ADD_TAGS}${LUA_WAKE}${LUA_LEASES}${LUA_SWEEP_LEASES}${LUA_MARKS}${LUA_WRITE_ENTRIES}
-- KEYS: index [bus]. ARGV: base, hash tag, longest fetch ms,
--   then for each value: key, token, header, cost, checksum, body, number of tags, tags...
-- Atomic: leases are checked and dropped, and entries written, with nothing in between. O(values x (tags + 1) log N).
local places, fields, tags, i, count = {}, {'\\1'}, {}, 4, #ARGV
while i <= count do
  places[#places + 1] = i
  fields[#fields + 1] = ARGV[i]
  local last = i + 6 + ARGV[i + 6]
  for t = i + 7, last do tags[#tags + 1] = ARGV[t] end
  i = last + 1
end
local leases = leasesOf(fields)
-- Without an epoch no tag was invalidated while leases were out.
local marks = leases[1] and marksOf(tags) or {}
local replies, ended, standing, keyOf, woken = {}, {}, {}, {}, {}
for n, place in ipairs(places) do
  local key, lease = ARGV[place], leases[n + 1]
  replies[n] = 0
  if lease then
    local token, epoch, taken, lives, waiters = readLease(lease)
    if token == ARGV[place + 1] then
      ended[#ended + 1] = key
      local stands = lives > now and now - taken <= tonumber(ARGV[3])
      for t = place + 7, place + 6 + ARGV[place + 6] do
        if (marks[ARGV[t]] or 0) > epoch then stands = false end
      end
      if stands then
        replies[n] = 1
        standing[#standing + 1] = place + 2
        keyOf[place + 2] = key
      end
      if waiters ~= '' then woken[#woken + 1] = {lease, key, stands and 'f' or 'r'} end
    end
  end
end
endLeases(ended, leases[1])
if #standing > 0 then writeEntries(standing, keyOf) end
for _, one in ipairs(woken) do wake(unpack(one)) end
return replies
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const longestFetchMs = number(args[2]);
    const replies: number[] = [];
    const ended: string[] = [];
    const writes: EntryWrite[] = [];
    const woken: [lease: StoredLease, key: string, outcome: string][] = [];
    for (let i = 3; i < args.length; ) {
      const write = entryWrite(text(args[i]), args, i + 2);
      const held = lib.lease(write.key);
      let reply = 0;
      if (held !== undefined && held.token === text(args[i + 1])) {
        ended.push(write.key);
        const stands =
          held.lives > lib.now &&
          lib.now - held.taken <= longestFetchMs &&
          !lib.marked(write.tags, held.epoch);
        if (stands) writes.push(write);
        woken.push([held, write.key, stands ? "f" : "r"]);
        reply = stands ? 1 : 0;
      }
      replies.push(reply);
      i += 7 + write.tags.length;
    }
    lib.endLeases(ended);
    if (writes.length > 0) lib.writeEntries(writes);
    for (const [lease, key, outcome] of woken) lib.wake(lease, key, outcome);
    return replies;
  },
};
