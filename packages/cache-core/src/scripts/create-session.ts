import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_SESSIONS, SessionTwin } from "./session-library.ts";
import { bytes, number, text } from "./twin-library.ts";

/**
 * Stores a session and notes it with its user. Replies when it expires, in ms of the store's clock; or 0, and stores
 * nothing, when it is later than the caller waits: all sessions of the user may have been ended since.
 */
export const createSession: AtomicOperation = {
  name: "createSession",
  lua: `${LUA_SESSIONS}
-- KEYS: any key of the lane. ARGV: base, hash tag, id, user, ttl ms, kind, payload, last ms to act or ''.
-- Atomic: session and list. O(log N).
if ARGV[8] ~= '' and now > tonumber(ARGV[8]) then return 0 end
local at = now + ARGV[5]
enlist(ARGV[4], ARGV[3], at)
local head = ARGV[5] .. '|' .. ARGV[6] .. '|' .. now .. '|' .. ARGV[4]
redis.call('SET', SESSION .. ARGV[3], head .. '\\0' .. ARGV[7], 'PXAT', at)
return at
`,
  run(db, _keys, args) {
    const twin = new SessionTwin(db, args);
    const until = text(args[7]);
    if (until !== "" && twin.now > Number(until)) return 0;
    const id = text(args[2]);
    const user = text(args[3]);
    const ttlMs = number(args[4]);
    const at = twin.now + ttlMs;
    twin.enlist(user, id, at);
    const head = Buffer.from(`${ttlMs}|${text(args[5])}|${twin.now}|${user}\0`, "utf8");
    db.set(twin.sessionPrefix + id, Buffer.concat([head, bytes(args[6])]), at);
    return at;
  },
};
