import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { LimitTwin, type StateDatabase } from "./limit-twin.ts";
import { LUA_LIMITS } from "./lua-library.ts";
import { number, text } from "./plan.ts";
import { doubles, readDoubles } from "./state/bytes.ts";

/**
 * Judges calls and spends their cost, each all or nothing over its rules. Many calls of one slot are one script; they are
 * judged in order, as if they came one by one.
 */
export const checkLimits: AtomicOperation = {
  name: "checkLimits",
  lua: `${LUA_LIMITS}
-- KEYS: prefix of the limiter's keys. ARGV, for each call: plan, cost (0 or below: only look), the subjects.
-- Replies the server's time in µs, then for each rule of each call: cost left, ms until all is back, ms to wait (0: fits);
-- as one string of little-endian doubles, which a client reads faster than as many integers.
-- Atomic: every rule is judged before any is spent. O(rules), for a log O(hits that left the window).

local function judge(plan, cost, i, out, n)
  local allowed, found, waits = cost > 0, {}, {}
  if not allowed then cost = -cost end
  for r = 2, #plan do
    local rule = plan[r]
    local s = read(rule, ARGV[i + rule[8]])
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

local out, n, i = {micros}, 1, 1
while i <= #ARGV do
  local plan = planOf(ARGV[i])
  judge(plan, tonumber(ARGV[i + 1]), i + 1, out, n)
  n = n + 3 * (#plan - 1)
  i = i + 2 + plan[1]
end
flush()
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
  twin.flush();
  return out;
}
