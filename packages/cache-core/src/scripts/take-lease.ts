import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_EXPIRE, LUA_NAMES, LUA_REGISTER } from "./lua-library.ts";
import { bytes, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Takes the right to fill a key, or finds that somebody filled it or holds the right.
 *
 * Replies: `[1, entry, now]` a fresh entry newer than the caller's is there; `[0, entry or nil, now]` the lease is the
 * caller's; `[2, entry or nil, now, liveness in ms]` somebody holds it, and the caller is noted as waiting.
 */
export const takeLease: AtomicOperation = {
  name: "takeLease",
  lua: `${LUA_NAMES}${LUA_EXPIRE}${LUA_REGISTER}
-- KEYS: index [bus]. ARGV: base, hash tag, key, token, liveness ms, waiter id or '', newest creation time known or -1.
-- Atomic: no invalidation can fall between looking at the entry and noting the lease. O(log N).
local key, lease = ARGV[3], LEASE .. ARGV[3]
local entry = redis.pcall('GET', ENTRY .. key)
if type(entry) ~= 'string' then entry = false end
if entry and #entry >= 27 and string.byte(entry) == 193 and struct.unpack('>I6', entry, 10) > now
  and struct.unpack('>I6', entry, 4) > tonumber(ARGV[7]) then
  return {1, entry, now}
end
local held = redis.call('GET', lease)
if held then
  local waiter = ARGV[6]
  if waiter ~= '' and not string.find(held, waiter, 1, true) then redis.call('APPEND', lease, waiter .. ',') end
  return {2, entry, now, redis.call('PTTL', lease)}
end
register('\\4' .. key, now + ARGV[5])
redis.call('SET', lease, ARGV[4] .. '|' .. micros .. '|', 'PX', ARGV[5])
return {0, entry, now}
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const key = text(args[2]);
    const lease = lib.leasePrefix + key;
    let entry: Buffer | null;
    try {
      entry = db.get(lib.entryPrefix + key);
    } catch {
      entry = null;
    }
    if (
      entry !== null &&
      entry.length >= 27 &&
      entry[0] === 193 &&
      entry.readUIntBE(9, 6) > lib.now &&
      entry.readUIntBE(3, 6) > number(args[6])
    ) {
      return [1, entry, lib.now];
    }
    const held = db.get(lease);
    if (held !== null) {
      const waiter = text(args[5]);
      if (waiter !== "" && !held.toString("utf8").includes(waiter)) db.append(lease, bytes(`${waiter},`));
      return [2, entry, lib.now, db.pttl(lease)];
    }
    const livenessMs = number(args[4]);
    lib.register(`\u0004${key}`, lib.now + livenessMs);
    db.set(lease, bytes(`${text(args[3])}|${lib.micros}|`), lib.now + livenessMs);
    return [0, entry, lib.now];
  },
};
