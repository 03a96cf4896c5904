import type { AtomicOperation } from "../atomic-operation.ts";
import { LUA_BEGIN_INDEX, LUA_REGISTER } from "./lua-index.ts";
import { LUA_ADD_MEMBERS, LUA_MEMBERS, LUA_REGISTRY } from "./lua-members.ts";
import { LUA_ALLOW_OOM, LUA_EXPIRE, LUA_NAMES } from "./lua-names.ts";
import { LUA_ADD_TAGS, LUA_TAGS_OF } from "./lua-tags.ts";
import { TwinLibrary, text } from "./twin-library.ts";

/**
 * Registers entries that an index or a tag set does not know, as they are found by a scan of the store. Replies how many were unknown.
 * A full server runs it, too: invalidations wait for it.
 */
export const reindex: AtomicOperation = {
  name: "reindex",
  lua: `${LUA_ALLOW_OOM}${LUA_NAMES}${LUA_EXPIRE}${LUA_BEGIN_INDEX}${LUA_REGISTER}${LUA_TAGS_OF}${LUA_REGISTRY}${LUA_MEMBERS}${LUA_ADD_MEMBERS}${LUA_ADD_TAGS}
-- KEYS: index [bus]. ARGV: base, hash tag, keys... Atomic: a key is registered only while its entry is there. O(keys log N).
local live, longest, members, untils = {}, 0, {}, {}
for i = 3, #ARGV do
  local key = ARGV[i]
  local left = redis.call('PTTL', ENTRY .. key)
  if left > 0 then
    live[#live + 1] = key
    longest = math.max(longest, now + left)
    for _, tag in ipairs(tagsOf(ENTRY .. key)) do
      members[tag] = members[tag] or {}
      table.insert(members[tag], key)
      untils[tag] = math.max(untils[tag] or 0, now + left)
    end
  end
end
if #live == 0 then return 0 end
local unknown = 0
for _, known in ipairs(redis.call('ZMSCORE', INDEX, unpack(live))) do
  if not known then unknown = unknown + 1 end
end
register(live, longest)
addTags(members, untils)
return unknown
`,
  run(db, keys, args) {
    const lib = new TwinLibrary(db, keys, args);
    const live: string[] = [];
    const members = new Map<string, string[]>();
    const untils = new Map<string, number>();
    let longest = 0;
    for (const argument of args.slice(2)) {
      const key = text(argument);
      const left = db.pttl(lib.entryPrefix + key);
      if (left <= 0) continue;
      live.push(key);
      longest = Math.max(longest, lib.now + left);
      for (const tag of lib.tagsOf(lib.entryPrefix + key)) {
        const list = members.get(tag);
        if (list === undefined) members.set(tag, [key]);
        else list.push(key);
        untils.set(tag, Math.max(untils.get(tag) ?? 0, lib.now + left));
      }
    }
    if (live.length === 0) return 0;
    const unknown = live.filter((key) => db.zscore(lib.index, key) === null).length;
    lib.register(live, longest);
    lib.addTags(members, untils);
    return unknown;
  },
};
