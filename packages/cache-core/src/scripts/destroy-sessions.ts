import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_SESSIONS, SessionTwin } from "./session-library.ts";
import { text } from "./twin-library.ts";

/** Ends the sessions of a user, or one by its id. Replies how many there were. */
export const destroySessions: AtomicOperation = {
  name: "destroySessions",
  lua: `${LUA_SESSIONS}
-- KEYS: any key of the lane. ARGV: base, hash tag, user, id when user is ''. Atomic: session and list. O(sessions).
local user, ids = ARGV[3], {ARGV[4]}
if user == '' then
  local ttl, _, owner = read(ARGV[4])
  if not ttl then return 0 end
  user = owner
else
  ids = redis.call('ZRANGE', USER .. user, '0', '-1')
end
local count = 0
for _, id in ipairs(ids) do
  count = count + redis.call('DEL', SESSION .. id)
  redis.call('ZREM', USER .. user, id)
end
return count
`,
  run(db, _keys, args) {
    const twin = new SessionTwin(db, args);
    let user = text(args[2]);
    let ids = [text(args[3])];
    if (user === "") {
      const session = twin.read(ids[0] as string);
      if (session === null || session === "foreign") return 0;
      user = session.user;
    } else {
      ids = db.zrangebyscore(twin.userPrefix + user, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    }
    let count = 0;
    for (const id of ids) {
      if (db.del(twin.sessionPrefix + id)) count++;
      db.zrem(twin.userPrefix + user, id);
    }
    return count;
  },
};
