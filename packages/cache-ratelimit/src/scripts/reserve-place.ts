import type { AtomicOperation } from "@crm/cache-core";
import { LimitTwin } from "./limit-twin.ts";
import { LUA_LIMITS } from "./lua-library.ts";
import { LUA_PLACES, PlaceTwin } from "./place-library.ts";
import { number, text } from "./plan.ts";

/**
 * Spends a cost at the first moment at which every rule allows it, now or later: a place in a queue whose order is that
 * of the server. Whoever got one only has to wait; nothing has to wake or admit them.
 */
export const reservePlace: AtomicOperation = {
  name: "reservePlace",
  lua: `${LUA_LIMITS}${LUA_PLACES}
-- KEYS: prefix of the limiter's keys. ARGV: queue's part of a key, id, channel, cost, longest wait in ms, longest queue,
-- plan, the subjects. Replies the server's time in µs, 1 or 0 (refused: nothing changed), ms to wait, then as a check.
-- Atomic. O(rules); O(places) when the queue seems to be full.
local queue, id, channel, cost, horizon, most = KEYS[1] .. ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local plan, states, subjects = planOf(ARGV[7]), {}, {}
for i = 1, plan[1] do subjects[i] = ARGV[7 + i] end
for r = 2, #plan do states[r] = read(plan[r], subjects[plan[r][8]]) end
local at = common(plan, states, cost)
local granted = at - now <= horizon and (at == now or roomIn(queue, most))
local out = {micros, granted and 1 or 0, at - now}
local place = granted and at > now and {id = id, at = at, micros = micros, cost = cost, channel = channel, plan = ARGV[7], subjects = subjects}
if place then
  occupy(place, states)
  keep(queue, place)
end
for r = 2, #plan do
  local s = states[r]
  local wait = earliest(s, now, cost) - now
  if granted and not place and wait == 0 then
    take(s, now, cost)
    save(s)
  elseif not granted then heal(s) end
  local left, reset = figures(s)
  out[#out + 1], out[#out + 2], out[#out + 3] = left, reset, granted and (place and 0 or wait) or wait
end
flush()
return out
`,
  run(db, keys, args) {
    const twin = new LimitTwin(db);
    const places = new PlaceTwin(twin, db, keys[0] as string);
    const queue = (keys[0] as string) + text(args[0]);
    const cost = number(args[3]);
    const source = text(args[6]);
    const plan = twin.planOf(source);
    const subjects = args.slice(7, 7 + plan[0]).map(text);
    const states = twin.states(keys[0] as string, plan, subjects, 0);
    const at = places.common(states, cost);
    const granted =
      at - twin.now <= number(args[4]) && (at === twin.now || places.roomIn(queue, number(args[5])));
    const out = [twin.micros, granted ? 1 : 0, at - twin.now];
    const waits = granted && at > twin.now;
    if (waits) {
      const place = {
        id: text(args[1]),
        at,
        micros: twin.micros,
        cost,
        channel: text(args[2]),
        plan: source,
        subjects,
        images: [],
      };
      places.occupy(place, states);
      places.keep(queue, place);
    }
    for (const state of states) {
      const wait = state.earliest(twin.now, cost) - twin.now;
      if (granted && !waits && wait === 0) {
        state.take(twin.now, cost);
        twin.save(state);
      } else if (!granted) {
        twin.heal(state);
      }
      out.push(...state.figures(), waits ? 0 : wait);
    }
    twin.flush();
    return out;
  },
};
