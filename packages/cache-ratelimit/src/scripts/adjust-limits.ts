import type { AtomicArgument, AtomicOperation, AtomicReply } from "@crm/cache-core";
import { LimitTwin, type StateDatabase } from "./limit-twin.ts";
import { LUA_LIMITS } from "./lua-library.ts";
import { number, text } from "./plan.ts";

/** What `adjustLimits` can do: give back, spend past the limit, block, end a block, forget. */
export type Adjustment = "give" | "penalty" | "block" | "unblock" | "reset";

/**
 * Changes what is counted for the subjects of one call, whatever the limits say. A penalty reaches at most one whole
 * limit past the limit: it never locks out for longer than two windows.
 */
export const adjustLimits: AtomicOperation = {
  name: "adjustLimits",
  lua: `${LUA_LIMITS}
-- KEYS: prefix of the limiter's keys. ARGV: what to do, how much (cost, or ms of a block), the queue's part of a key or
-- an empty string, plan, the subjects. Replies as for a look at a cost of 1. O(rules), for a log O(hits changed).
-- Atomic. Places that are reserved behind a change keep their time, so whoever gives one up later frees nothing.
local what, amount, plan = ARGV[1], tonumber(ARGV[2]), planOf(ARGV[4])
if ARGV[3] ~= '' then redis.call('DEL', KEYS[1] .. ARGV[3]) end
local out = {micros}
for r = 2, #plan do
  local rule = plan[r]
  local s = read(rule, ARGV[4 + rule[8]])
  if what == 'reset' then
    drop(s)
    s = parse(false, locate(rule, ARGV[4 + rule[8]]))
  else
    if what == 'give' then give(s, amount)
    elseif what == 'unblock' then s.blocked = 0
    elseif what == 'block' then s.blocked, s.span = now + amount, amount
    else
      local latest = bounds(s)
      local spent = (s.count or s.total or 0) + (s.before or 0)
      if s.backlog then spent = ceil(s.backlog / rule[5]) end
      local cost = min(amount, 2 * rule[3] - spent)
      if cost > 0 then take(s, max(now, latest), cost) end
    end
    save(s)
  end
  local left, reset = figures(s)
  out[#out + 1] = left
  out[#out + 1] = reset
  out[#out + 1] = earliest(s, now, 1) - now
end
flush()
return out
`,
  run(db, keys, args) {
    return runAdjustment(db, keys[0] as string, args);
  },
};

/** The TypeScript side, on anything that holds bytes until a time. */
export function runAdjustment(
  db: StateDatabase,
  prefix: string,
  args: readonly AtomicArgument[],
): AtomicReply {
  const twin = new LimitTwin(db);
  const what = text(args[0]) as Adjustment;
  const amount = number(args[1]);
  const queue = text(args[2]);
  if (queue !== "") db.del(prefix + queue);
  const out: number[] = [twin.micros];
  for (const found of twin.states(prefix, twin.planOf(text(args[3])), args, 4)) {
    let state = found;
    if (what === "reset") {
      twin.drop(state);
      state = twin.blank(state);
    } else {
      if (what === "give") state.give(amount);
      else if (what === "unblock") state.blocked = 0;
      else if (what === "block") {
        state.blocked = twin.now + amount;
        state.span = amount;
      } else state.punish(amount);
      twin.save(state);
    }
    out.push(...state.figures(), state.earliest(twin.now, 1) - twin.now);
  }
  twin.flush();
  return out;
}
