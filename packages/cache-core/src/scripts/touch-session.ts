import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_SESSIONS, SessionTwin } from "./session-library.ts";
import { text } from "./twin-library.ts";

/** Prolongs a session by its own TTL. Replies 1, or 0 when there is none. */
export const touchSession: AtomicOperation = {
  name: "touchSession",
  lua: `${LUA_SESSIONS}
-- KEYS: any key of the lane. ARGV: base, hash tag, id. Atomic: never revives what has just expired. O(log N).
local ttl, _, user = read(ARGV[3])
if not ttl then return 0 end
redis.call('PEXPIREAT', SESSION .. ARGV[3], now + ttl)
enlist(user, ARGV[3], now + ttl)
return 1
`,
  run(db, _keys, args) {
    const twin = new SessionTwin(db, args);
    const id = text(args[2]);
    const session = twin.read(id);
    if (session === null || session === "foreign") return 0;
    const at = twin.now + session.ttlMs;
    db.pexpireat(twin.sessionPrefix + id, at);
    twin.enlist(session.user, id, at);
    return 1;
  },
};
