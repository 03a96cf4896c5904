import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { LimitTwin, type StateDatabase } from "./limit-twin.ts";
import { LUA_HEAD, LUA_STATES } from "./lua-library.ts";
import { number, text } from "./plan.ts";
import { doubles, readDoubles } from "./state/bytes.ts";

/**
 * Judges calls and spends their cost, each all or nothing over its rules. Many calls of one slot are one script; they are
 * judged in order, as if they came one by one.
 */
export const checkLimits: AtomicOperation = {
  name: "checkLimits",
  lua: `${LUA_HEAD}
-- KEYS: prefix of the limiter's keys. ARGV, for each call: plan, cost (0 or below: only look), the subjects.
-- Replies the server's time in µs, then for each rule of each call: cost left, ms until all is back, ms to wait (0: fits);
-- as one string of little-endian doubles, which a client reads faster than as many integers.
-- Atomic: every rule is judged before any is spent. O(rules), for a log O(hits that left the window).

-- What nearly every call is: fixed windows and buckets, absent or as this script writes them, and the cost fits. Whatever
-- is otherwise is left to 'judge', which starts anew; nothing is written before all is known.
-- The tables are filled anew by each call: making them costs more than filling them.
local prefix, keys, only, bodies, finishes = KEYS[1], {}, {}, {}, {}
local function spend(plan, cost, i, out, n)
  local rules, raws = #plan, only
  for r = 2, rules do
    local rule = plan[r]
    keys[r - 1] = prefix .. rule[1] .. ':' .. ARGV[i + rule[8]]
  end
  if rules == 2 then only[1] = redis.pcall('GET', keys[1]) else raws = redis.call('MGET', unpack(keys, 1, rules - 1)) end
  for r = 2, rules do
    local rule, raw = plan[r], raws[r - 1]
    local kind, limit = rule[2], rule[3]
    if kind == 'f' then
      local count, finish, window = 0, now + rule[4], rule[4]
      if raw then
        if type(raw) ~= 'string' or #raw ~= 25 or byte(raw) ~= 102 then return false end
        count, finish, window = decode('>ddd', raw, 2)
        if not (finish > now and finish - window <= now and window <= LONGEST) or (count + finish + window) % 1 ~= 0 or count < 0 then return false end
      end
      count = count + cost
      if count > limit then return false end
      bodies[r], finishes[r] = pack('>Bddd', 102, count, finish, window), not raw and finish
      out[n + 1], out[n + 2] = limit - count, finish - now
    elseif kind == 'b' then
      local weight, drain, backlog, stands = rule[5], rule[6], 0, 0
      if raw then
        if type(raw) ~= 'string' or #raw ~= 33 or byte(raw) ~= 98 then return false end
        local at, owed, unit, til = decode('>dddd', raw, 2)
        if not (til >= 0 and til <= MAX) or til % 1 ~= 0 then return false end
        stands = til
        if unit ~= weight or not (at <= now and at >= 0 and owed >= 0 and owed <= MAX) or (at + owed) % 1 ~= 0 then return false end
        backlog = owed - (now - at) * drain
        if backlog < 0 then backlog = 0 end
      end
      backlog = backlog + cost * weight
      if backlog > limit * weight then return false end
      local rest = ceil(backlog / drain)
      local til = now + rest
      til = stands >= til and stands or til + floor(limit * weight / drain / 16)
      bodies[r], finishes[r] = pack('>Bdddd', 98, now, backlog, weight, til), til
      out[n + 1], out[n + 2] = floor((limit * weight - backlog) / weight), rest
    else return false end
    out[n + 3] = 0
    n = n + 3
  end
  for r = 2, rules do
    if finishes[r] then redis.call('SET', keys[r - 1], bodies[r], 'PXAT', finishes[r])
    else redis.call('SET', keys[r - 1], bodies[r], 'KEEPTTL') end
  end
  return true
end

local function states()
${LUA_STATES}
  return function(plan, cost, i, out, n)
    local allowed, found, waits = cost > 0, {}, {}
    if not allowed then cost = -cost end
    for r = 2, #plan do
      local rule = plan[r]
      local s = read(KEYS[1] .. rule[1] .. ':' .. ARGV[i + rule[8]], rule)
      local wait = earliest(s, now, cost) - now
      found[r], waits[r] = s, wait
      if wait > 0 and rule[7] == 0 then allowed = false end
    end
    for r = 2, #plan do
      local s, wait = found[r], waits[r]
      if allowed and wait == 0 then
        take(s, now, cost)
        save(s)
      else heal(s) end
      out[n + 1], out[n + 2] = figures(s)
      out[n + 3] = wait
      n = n + 3
    end
  end
end

local judge
local out, n, i = {micros}, 1, 1
while i <= #ARGV do
  local plan, cost = planOf(ARGV[i]), tonumber(ARGV[i + 1])
  if cost <= 0 or not spend(plan, cost, i + 1, out, n) then
    judge = judge or states()
    judge(plan, cost, i + 1, out, n)
  end
  n = n + 3 * (#plan - 1)
  i = i + 2 + plan[1]
end
return pack('<' .. string.rep('d', n), unpack(out))
`,
  run(db, keys, args) {
    return doubles(runChecks(db, keys[0] as string, args));
  },
};

/** The numbers of a reply; `null` when it is none of `count`. */
export function readChecks(reply: AtomicReply, count: number): number[] | null {
  return readDoubles(reply, count);
}

/** The TypeScript side, on anything that holds bytes until a time. */
export function runChecks(
  db: StateDatabase,
  prefix: string,
  args: Parameters<AtomicOperation["run"]>[2],
): number[] {
  const twin = new LimitTwin(db);
  const out: number[] = [twin.micros];
  for (let i = 0; i < args.length; ) {
    const plan = twin.planOf(text(args[i]));
    const signed = number(args[i + 1]);
    const cost = Math.abs(signed);
    let allowed = signed > 0;
    const judged = twin.states(prefix, plan, args, i + 2).map((state) => {
      const wait = state.earliest(twin.now, cost) - twin.now;
      if (wait > 0 && state.rule[6] === 0) allowed = false;
      return { state, wait };
    });
    for (const { state, wait } of judged) {
      if (allowed && wait === 0) {
        state.take(twin.now, cost);
        twin.save(state);
      } else {
        twin.heal(state);
      }
      out.push(...state.figures(), wait);
    }
    i += 2 + plan[0];
  }
  return out;
}
