import type { AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import { LUA_SESSIONS, SessionTwin } from "./session-library.ts";
import { text } from "./twin-library.ts";

/**
 * Reads the sessions of a user, or one by its id. Replies `[id, expires at, kind, payload, made at]` for each; where bytes of
 * somebody else lie kind is -1 and the payload empty.
 */
export const listSessions: AtomicOperation = {
  name: "listSessions",
  lua: `${LUA_SESSIONS}
-- KEYS: any key of the lane. ARGV: base, hash tag, user, id when user is ''. Reads only. O(sessions).
local ids = ARGV[3] == '' and {ARGV[4]} or redis.call('ZRANGEBYSCORE', USER .. ARGV[3], '(' .. now, '+inf')
local found = {}
for _, id in ipairs(ids) do
  local ttl, kind, _, payload, made = read(id)
  if ttl then
    found[#found + 1] = {id, now + redis.call('PTTL', SESSION .. id), kind, payload, made}
  elseif kind then
    found[#found + 1] = {id, now, -1, '', 0}
  end
end
return found
`,
  run(db, _keys, args) {
    const twin = new SessionTwin(db, args);
    const user = text(args[2]);
    const ids =
      user === ""
        ? [text(args[3])]
        : db.zrangebyscore(twin.userPrefix + user, twin.now + 1, Number.POSITIVE_INFINITY);
    const found: AtomicReply[] = [];
    for (const id of ids) {
      const session = twin.read(id);
      if (session === null) continue;
      const name = Buffer.from(id);
      if (session === "foreign") {
        found.push([name, twin.now, -1, Buffer.alloc(0), 0]);
      } else {
        const { kind, payload, madeAt } = session;
        found.push([name, twin.now + db.pttl(twin.sessionPrefix + id), kind, payload, madeAt]);
      }
    }
    return found;
  },
};
