import type { AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import { looksLikeEntry, readTimes } from "../entry.ts";
import { LUA_EXPIRE, LUA_MARKS, LUA_NAMES, LUA_REGISTER } from "./lua-library.ts";
import { bytes, number, TwinLibrary, text } from "./twin-library.ts";

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
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}${LUA_MARKS}
-- KEYS: index [bus]. ARGV: base, hash tag, liveness ms,
--   then for each key: key, token, waiter id or '', newest creation time known or -1.
-- Atomic: no invalidation can fall between looking at an entry and noting its lease. O(keys x log N).
local function fresh(entry, known)
  local first = string.byte(entry)
  if #entry < 16 or first < 192 or bit.band(first, 4) > 0 then return false end
  local created, duration = struct.unpack('>I6I4', entry, 3)
  if bit.band(first, 8) > 0 then duration = duration * 1000 end
  return created + duration > now and created > known
end
local liveness, names, replies, taken, since = ARGV[3], {}, {}, {}, nil
for i = 4, #ARGV, 4 do
  names[#names + 1] = ENTRY .. ARGV[i]
  names[#names + 1] = LEASE .. ARGV[i]
end
-- One call for all; a key of another type counts as none.
local found = redis.call('MGET', unpack(names))
for i = 4, #ARGV, 4 do
  local key = ARGV[i]
  local entry, held = found[(i - 4) / 2 + 1], taken[ARGV[i]] or found[(i - 4) / 2 + 2]
  local reply
  if entry and fresh(entry, tonumber(ARGV[i + 3])) then
    reply = {1, entry}
  elseif held then
    local waiter = ARGV[i + 2]
    if waiter ~= '' and not string.find(held, waiter .. ',', 1, true) then
      redis.call('APPEND', LEASE .. key, waiter .. ',')
      taken[key] = held .. waiter .. ','
    end
    reply = {2, entry, redis.call('PTTL', LEASE .. key), string.match(held, '^[^|]*')}
  else
    register('\\4' .. key, now + liveness)
    since = since or micros .. '-' .. lastMark()
    taken[key] = ARGV[i + 1] .. '|' .. since .. '|'
    redis.call('SET', LEASE .. key, taken[key], 'PX', liveness)
    reply = {0, entry}
  end
  replies[#replies + 1] = reply
end
return replies
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const livenessMs = number(args[2]);
    const replies: AtomicReply[] = [];
    for (let i = 3; i < args.length; i += 4) {
      const key = text(args[i]);
      const lease = lib.leasePrefix + key;
      const entry = read(() => db.get(lib.entryPrefix + key));
      const held = read(() => db.get(lease));
      if (
        entry !== null &&
        looksLikeEntry(entry) &&
        readTimes(entry).freshUntil > lib.now &&
        readTimes(entry).createdAt > number(args[i + 3])
      ) {
        replies.push([1, entry]);
      } else if (held !== null) {
        const waiter = text(args[i + 2]);
        if (waiter !== "" && !held.toString("utf8").includes(`${waiter},`)) {
          db.append(lease, bytes(`${waiter},`));
        }
        const [token] = held.toString("utf8").split("|") as [string];
        replies.push([2, entry, db.pttl(lease), Buffer.from(token)]);
      } else {
        lib.register(`\u0004${key}`, lib.now + livenessMs);
        db.set(lease, bytes(`${text(args[i + 1])}|${lib.micros}-${lib.lastMark()}|`), lib.now + livenessMs);
        replies.push([0, entry]);
      }
    }
    return replies;
  },
};

/** A key of another type counts as none. */
function read(get: () => Buffer | null): Buffer | null {
  try {
    return get();
  } catch {
    return null;
  }
}
