import type { AtomicOperation } from "@crm/cache-core";
import { LimitTwin } from "./limit-twin.ts";
import { LUA_LIMITS } from "./lua-library.ts";
import { LUA_PLACES, PlaceTwin } from "./place-library.ts";
import { text } from "./plan.ts";

/** Gives a place up. Whoever stands behind it moves up, in order, and is told its new time. */
export const cancelPlace: AtomicOperation = {
  name: "cancelPlace",
  lua: `${LUA_LIMITS}${LUA_PLACES}
-- KEYS: prefix of the limiter's keys. ARGV: queue's part of a key, id. Replies the server's time in µs, and 1: given
-- back, 0: there is no such place, or its time has come, or somebody changed what lies under it. Atomic. O(places).
-- What lay under the place is put back, then the places behind it are taken again: only if every state involved is
-- still the one that the last of them left behind. What is put back has other bytes than the place in front left, which is told.
local queue = KEYS[1] .. ARGV[1]
local all, first = places(queue), nil
for i, place in ipairs(all) do if place.id == ARGV[2] then first = i end end
if not first then return {micros, 0} end
redis.call('HDEL', queue, ARGV[2])
local under = {}
for i = first, #all do
  local place = all[i]
  for r = 2, #place.rules do
    local rule, image, digest = place.rules[r], unpack(place.images[r - 1])
    local s = locate(rule, place.subjects[rule[8]])
    if digest ~= '' then
      if not under[s.key] then under[s.key] = {s = s, image = image} end
      under[s.key].digest = digest
    end
  end
end
for _, what in pairs(under) do
  local raw = bytesOf(what.s)
  if redis.sha1hex(type(raw) == 'string' and raw or '') ~= what.digest then return {micros, 0} end
end
for _, what in pairs(under) do
  local s = parse(what.image, what.s)
  s.found, s.kept = true, false
  what.left = redis.sha1hex(save(s))
end
for i = first - 1, 1, -1 do
  local place, changed = all[i], false
  for r = 2, #place.rules do
    local what = under[KEYS[1] .. place.rules[r][1] .. ':' .. place.subjects[place.rules[r][8]]]
    if what and what.left and place.images[r - 1][2] ~= '' then
      place.images[r - 1][2], what.left, changed = what.left, nil, true
    end
  end
  if changed then keep(queue, place) end
end
for i = first + 1, #all do
  local place, states = all[i], {}
  for r = 2, #place.rules do
    states[r] = read(place.rules[r], place.subjects[place.rules[r][8]])
  end
  local at = common(place.rules, states, place.cost)
  if at ~= place.at then redis.call('PUBLISH', place.channel, string.format('%s %d %d', place.id, at - now, at)) end
  place.at = at
  occupy(place, states)
  keep(queue, place)
end
flush()
return {micros, 1}
`,
  run(db, keys, args) {
    const prefix = keys[0] as string;
    const twin = new LimitTwin(db);
    const places = new PlaceTwin(twin, db, prefix);
    const queue = prefix + text(args[0]);
    const all = places.all(queue);
    const first = all.findIndex(({ id }) => id === text(args[1]));
    if (first === -1) return [twin.micros, 0];
    db.hdel(queue, text(args[1]));
    if (!places.restore(queue, all, first)) return [twin.micros, 0];
    for (const place of all.slice(first + 1)) {
      const states = twin.states(prefix, twin.planOf(place.plan), place.subjects, 0);
      const at = places.common(states, place.cost);
      if (at !== place.at) db.publish(place.channel, Buffer.from(`${place.id} ${at - twin.now} ${at}`));
      const moved = { ...place, at };
      places.occupy(moved, states);
      places.keep(queue, moved);
    }
    twin.flush();
    return [twin.micros, 1];
  },
};
