import type { AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import { looksLikeEntry, MIN_HEADER_BYTES, readTimes } from "../entry.ts";
import { LUA_LEASES, LUA_SWEEP_LEASES } from "./lua-leases.ts";
import { LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Takes the right to fill keys, or finds that somebody filled them or holds the right. What comes together in one
 * process is asked together.
 *
 * Replies, for each key: `[1, entry]` a fresh entry newer than the caller's is there; `[0, entry or nil]` the lease is
 * the caller's; `[2, entry or nil, liveness in ms, its token]` somebody holds it, and the
 * caller is noted as waiting. With the token a waiter tells the news of this lease from that of an earlier one.
 */
export const takeLeases: AtomicOperation = {
  name: "takeLeases",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_LEASES}${LUA_SWEEP_LEASES}
-- KEYS: index [bus]. ARGV: base, hash tag, liveness ms,
--   then for each key: key, token, waiter id or '', newest creation time known, -1, or -2: a key of another type is told
--   as an empty entry.
-- Atomic: no invalidation can fall between looking at an entry and noting its lease. O(keys).
local function fresh(entry, known)
  local first = string.byte(entry)
  if #entry < ${MIN_HEADER_BYTES} or first < 192 or bit.band(first, 4) > 0 then return false end
  local created, duration = struct.unpack('>I6I4', entry, 3)
  if bit.band(first, 8) > 0 then duration = duration * 1000 end
  return created + duration > now and created > known
end
local names, fields = {}, {'\\1'}
for i = 4, #ARGV, 4 do
  names[#names + 1] = ENTRY .. ARGV[i]
  fields[#fields + 1] = ARGV[i]
end
-- One call for all; a key of another type counts as none.
local entries, leases = redis.call('MGET', unpack(names)), leasesOf(fields)
local unseen = {}
for n, name in ipairs(names) do
  if not entries[n] and ARGV[4 * n + 3] == '-2' then unseen[#unseen + 1] = name end
end
if #unseen > 0 and redis.call('EXISTS', unpack(unseen)) > 0 then
  for n, name in ipairs(names) do
    if not entries[n] and ARGV[4 * n + 3] == '-2' and redis.call('EXISTS', name) == 1 then entries[n] = '' end
  end
end
local epoch = string.match(leases[1] or '0', '^%d+')
local mine = '|' .. epoch .. '|' .. now .. '|' .. now + ARGV[3] .. '|'
local replies, changed, taken = {}, {}, {}
for n = 1, #names do
  local i = 4 * n
  local key, entry = ARGV[i], entries[n]
  local held = taken[key] or leases[n + 1]
  local token, since, began, lives, waiters
  if held then token, since, began, lives, waiters = readLease(held) end
  if entry and fresh(entry, tonumber(ARGV[i + 3])) then
    replies[n] = {1, entry}
  elseif held and lives > now then
    local waiter = ARGV[i + 2]
    if waiter ~= '' and not string.find(waiters, waiter .. ',', 1, true) then
      taken[key] = held .. waiter .. ','
      changed[#changed + 1] = key
      changed[#changed + 1] = taken[key]
    end
    replies[n] = {2, entry, lives - now, token}
  else
    taken[key] = ARGV[i + 1] .. mine
    changed[#changed + 1] = key
    changed[#changed + 1] = taken[key]
    replies[n] = {0, entry}
  end
end
if #changed > 0 then
  redis.call('HSET', LEASES, unpack(changed))
  expire(LEASES, now + ARGV[3])
  sweepLeases()
end
return replies
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const livenessMs = number(args[2]);
    const replies: AtomicReply[] = [];
    let changed = false;
    for (let i = 3; i < args.length; i += 4) {
      const key = text(args[i]);
      const entry = read(() => db.get(lib.entryPrefix + key), number(args[i + 3]) === -2);
      const lease = lib.lease(key);
      const waiter = text(args[i + 2]);
      if (
        entry !== null &&
        looksLikeEntry(entry) &&
        readTimes(entry).freshUntil > lib.now &&
        readTimes(entry).createdAt > number(args[i + 3])
      ) {
        replies.push([1, entry]);
        continue;
      }
      if (lease !== undefined && lease.lives > lib.now) {
        replies.push([2, entry, lease.lives - lib.now, Buffer.from(lease.token)]);
        if (waiter === "" || lease.waiters.includes(`${waiter},`)) continue;
        lib.setLease(key, { ...lease, waiters: `${lease.waiters}${waiter},` });
      } else {
        replies.push([0, entry]);
        const { epoch } = lib.epoch();
        const lives = lib.now + livenessMs;
        lib.setLease(key, { token: text(args[i + 1]), epoch, taken: lib.now, lives, waiters: "" });
      }
      changed = true;
    }
    if (changed) {
      lib.expire(lib.leasesKey, lib.now + livenessMs);
      lib.sweepLeases();
    }
    return replies;
  },
};

/** A key of another type counts as none, or as an empty entry where it is to be told. */
function read(get: () => Buffer | null, isTold: boolean): Buffer | null {
  try {
    return get();
  } catch {
    return isTold ? Buffer.alloc(0) : null;
  }
}
