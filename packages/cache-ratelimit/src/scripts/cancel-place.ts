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
-- What lay under the place is put back, byte by byte, then the places behind it are taken again. Where others have spent beside them since,
-- what the places have spent is given back instead; but not where a later window is reserved, for what the one before it holds is known no more.
local queue = KEYS[1] .. ARGV[1]
local all, first = places(queue), nil
for i, place in ipairs(all) do if place.id == ARGV[2] then first = i end end
if not first then return {micros, 0} end
redis.call('HDEL', queue, ARGV[2])
local under = {}
for i = first, #all do
  local place = all[i]
  for r = 2, #place.rules do
    local rule, image, left = place.rules[r], unpack(place.images[r - 1])
    local s = locate(rule, place.subjects[rule[8]])
    if left ~= '' then
      local what = under[s.key] or {s = s, image = image, cost = 0, left = redis.sha1hex(image)}
      if what.left ~= redis.sha1hex(image) then what.shared = true end
      what.left, what.cost = left, what.cost + place.cost
      under[s.key] = what
    end
  end
end
for _, what in pairs(under) do
  local s = parse(bytesOf(what.s), what.s)
  if what.left ~= redis.sha1hex(s.raw) then what.shared = true end
  if what.shared and bounds(s) > now then return {micros, 0} end
end
for _, what in pairs(under) do
  if what.shared then
    give(what.s, what.cost)
    what.s.kept = false
    save(what.s)
  else putBack(what.s, what.image) end
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
    if (!places.restore(all.slice(first))) return [twin.micros, 0];
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
