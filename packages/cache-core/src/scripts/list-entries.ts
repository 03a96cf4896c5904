import type { AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import { FLAG_MARKED_STALE, looksLikeEntry, MIN_HEADER_BYTES } from "../entry.ts";
import { LUA_MEMBERS } from "./lua-members.ts";
import { LUA_NAMES } from "./lua-names.ts";
import { LUA_TAGS_OF } from "./lua-tags.ts";
import { AFTER, number, TwinLibrary, text } from "./twin-library.ts";

/**
 * Lists what an invalidation would meet, a page at a time, and changes nothing: the keys of a lexicographic range, or those
 * of a tag. Replies `[keys, states, cursor]`; state 1: an entry, 2: one that is marked stale, 3: bytes of somebody else.
 * Keys without an entry are left out; cursor "" when done.
 */
export const listEntries: AtomicOperation = {
  name: "listEntries",
  lua: `${LUA_NAMES}${LUA_TAGS_OF}${LUA_MEMBERS}
-- KEYS: index [bus]. ARGV: base, hash tag, 'range' or 'tag', prefix of the range or tag, cursor or '', page size.
-- Atomic for a page. O(log N + page).
local name, from, page = ARGV[4], ARGV[5], tonumber(ARGV[6])
local found, cursor = nil, ''
if ARGV[3] == 'tag' then
  local set = TAG .. name
  if isMany(set, redis.call('ZSCORE', TAGS, name)) then
    local scanned = redis.call('SSCAN', set, from == '' and '0' or from, 'COUNT', page)
    found, cursor = scanned[2], scanned[1] == '0' and '' or scanned[1]
  else
    found = redis.call('HKEYS', set)
  end
else
  local first = from == '' and '[' .. (name == '' and '\\31' or name) or '(' .. from
  found = redis.call('ZRANGEBYLEX', INDEX, first, '(' .. name .. '\\255', 'LIMIT', '0', page)
  cursor = #found == page and found[#found] or ''
end
local keys, states = {}, {}
for _, key in ipairs(found) do
  local head, state = redis.pcall('GETRANGE', ENTRY .. key, '0', '${MIN_HEADER_BYTES - 1}'), 3
  if type(head) == 'string' and #head == 0 then state = redis.call('EXISTS', ENTRY .. key) * 3 end
  if type(head) == 'string' and #head == ${MIN_HEADER_BYTES} and string.byte(head) >= 192 then
    state = bit.band(string.byte(head), 4) > 0 and 2 or 1
  end
  if ARGV[3] == 'tag' then
    local has = false
    for _, tag in ipairs(tagsOf(ENTRY .. key)) do has = has or tag == name end
    if not has then state = 0 end
  end
  if state > 0 then keys[#keys + 1], states[#states + 1] = key, state end
end
return {keys, states, cursor}
`,
  run(db, keys, args): AtomicReply {
    const lib = new TwinLibrary(db, keys, args);
    const byTag = text(args[2]) === "tag";
    const name = text(args[3]);
    const page = number(args[5]);
    const from = text(args[4]) === "" ? `[${name === "" ? "\u001f" : name}` : `(${text(args[4])}`;
    const found = byTag
      ? db.smembers(lib.tagPrefix + name)
      : db.zrangebylex(lib.index, from, `(${name}${AFTER}`, 0, page);
    const cursor = !byTag && found.length === page ? (found[found.length - 1] as string) : "";
    const listed: string[] = [];
    const states: number[] = [];
    for (const key of found) {
      const state = stateOf(lib, key);
      if (state === 0 || (byTag && !lib.tagsOf(lib.entryPrefix + key).includes(name))) continue;
      listed.push(key);
      states.push(state);
    }
    return [listed.map((key) => Buffer.from(key)), states, Buffer.from(cursor)];
  },
};

function stateOf(lib: TwinLibrary, key: string): number {
  const name = lib.entryPrefix + key;
  if (!lib.db.exists(name)) return 0;
  try {
    const head = lib.db.getrange(name, 0, MIN_HEADER_BYTES - 1);
    if (!looksLikeEntry(head)) return 3;
    return ((head[0] as number) & FLAG_MARKED_STALE) === 0 ? 1 : 2;
  } catch {
    return 3;
  }
}
