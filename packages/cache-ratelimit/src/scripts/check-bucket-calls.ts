import type { AtomicArgument, AtomicOperation, AtomicReply } from "@crm/cache-core";
import { number, text } from "./plan.ts";
import {
  type BucketImage,
  LUA_DECODE_BUCKET,
  LUA_PACK_BUCKET,
  readBucket,
  writeBucket,
} from "./state/bucket-image.ts";
import { doubles, notJudged, readDoubles } from "./state/bytes.ts";

/**
 * Calls of buckets (token bucket and GCRA), each all or nothing over its own, in order, as if they came one by one: what is asked in
 * one turn of the event loop. It decides as `checkLimits` does, for less: all states are read by one command, and each that has changed
 * is written once. Calls on a state that is blocked, damaged, reserved or from the future are left to `checkLimits`; where one is of
 * another window, or a cost is above its limit, all are.
 */
export const checkBucketCalls: AtomicOperation = {
  name: "checkBucketCalls",
  lua: `
-- KEYS: the states, each once. ARGV, for each call: its buckets as '<limit>:<weight>:<drain>,…', cost (1 or more), for each bucket
--   the place of its state in KEYS.
-- Replies for each bucket of each call cost left (below 0: not judged), ms until all is back, ms to wait (0: fits), as little-endian doubles. Or nil.
-- Atomic: every bucket of a call is judged before any is spent. O(buckets). On a refusal nothing is written.
-- A state whose key expires late enough is changed in place, because to set a value with an expiry costs twice as much. One that has lost
-- its expiry gets another when that moves, or by a call that comes alone.
local decode, pack, floor, ceil = struct.unpack, struct.pack, math.floor, math.ceil
local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local raws = redis.call('MGET', unpack(KEYS))
if raws[1] and #KEYS == 1 and redis.call('PTTL', KEYS[1]) < 0 then return false end
local ats, owes, weights, tils, changed, specs, debts, out, n, i = {}, {}, {}, {}, {}, {}, {}, {}, 0, 1
for k = 1, #KEYS do
  local raw = raws[k]
  if raw then
    ${LUA_DECODE_BUCKET}
    ats[k], owes[k], weights[k], tils[k] = at, owed, weight, til
  else owes[k], tils[k] = 0, 0 end
end
local function specOf(text)
  local spec = {}
  for limit, weight, drain in string.gmatch(text, '(%d+):(%d+):(%d+)') do
    spec[#spec + 1], spec[#spec + 2], spec[#spec + 3] = limit + 0, weight + 0, drain + 0
  end
  specs[text] = spec
  return spec
end
local arguments = #ARGV
while i < arguments do
  local spec, cost, allowed = specs[ARGV[i]] or specOf(ARGV[i]), ARGV[i + 1] + 0, true
  local buckets, usual = #spec / 3, true
  for b = 1, buckets do
    local k, limit, weight = ARGV[i + 1 + b] + 0, spec[3 * b - 2], spec[3 * b - 1]
    local debt, room = owes[k], (limit - cost) * weight
    if room < 0 then return false end
    if not debt then usual = false
    elseif debt > 0 then
      if weights[k] ~= weight then return false end
      debt = debt - (now - ats[k]) * spec[3 * b]
      if debt < 0 then debt = 0 elseif debt > 2 * limit * weight then return false end
      if debt > room then allowed = false end
    end
    debts[b] = debt
  end
  for b = 1, usual and buckets or 0 do
    local k, limit, weight, drain, debt, wait = ARGV[i + 1 + b] + 0, spec[3 * b - 2], spec[3 * b - 1], spec[3 * b], debts[b], 0
    if allowed then
      debt = debt + cost * weight
      local finish = now + ceil(debt / drain)
      ats[k], owes[k], weights[k], changed[k] = now, debt, weight, changed[k] or 'in place'
      if tils[k] < finish then tils[k], changed[k] = finish + floor(limit * weight / drain / 16), 'anew' end
    elseif debt > (limit - cost) * weight then wait = ceil((debt - (limit - cost) * weight) / drain) end
    out[n + 1], out[n + 2], out[n + 3] = math.max(0, floor((limit * weight - debt) / weight)), ceil(debt / drain), wait
    n = n + 3
  end
  for _ = 1, usual and 0 or buckets do
    out[n + 1], out[n + 2], out[n + 3] = -1, 0, 0
    n = n + 3
  end
  i = i + 2 + buckets
end
for k, how in pairs(changed) do
  local owed, weight, til = owes[k], weights[k], tils[k]
  if how == 'anew' then redis.call('SET', KEYS[k], ${LUA_PACK_BUCKET}, 'PXAT', til)
  else redis.call('SETRANGE', KEYS[k], '0', ${LUA_PACK_BUCKET}) end
end
return pack('<' .. string.rep('d', n), unpack(out))
`,
  run(db, keys, args) {
    const now = Math.floor(db.nowMs());
    const states: State[] = [];
    for (const key of keys) {
      const image = readBucket(db, key, now);
      const isLost = keys.length === 1 && image !== null && db.pttl(key) < 0;
      if (isLost) return null;
      states.push({ image: image ?? null, isUsual: image !== undefined, changed: null });
    }
    const figures: number[] = [];
    for (let i = 0; i < args.length; ) {
      const { cost, buckets } = readCall(args, i, states);
      i += 2 + buckets.length;
      const debts = buckets.map((bucket) => debtOf(bucket, cost, now));
      if (debts.includes(undefined)) return null;
      if (!buckets.every(({ state }) => state.isUsual)) {
        figures.push(...notJudged(buckets.length));
        continue;
      }
      const excess = ({ limit, weight }: CalledBucket, b: number): number =>
        (debts[b] as number) - (limit - cost) * weight;
      const isAllowed = buckets.every((bucket, b) => excess(bucket, b) <= 0);
      buckets.forEach((bucket, b) => {
        const { state, limit, weight, drain } = bucket;
        const owed = (debts[b] as number) + (isAllowed ? cost * weight : 0);
        if (isAllowed) {
          const finish = now + Math.ceil(owed / drain);
          let until = state.image?.until ?? 0;
          state.changed ??= "in place";
          if (until < finish) {
            until = finish + Math.floor((limit * weight) / drain / 16);
            state.changed = "anew";
          }
          state.image = { at: now, owed, weight, until };
        }
        const left = Math.max(0, Math.floor((limit * weight - owed) / weight));
        const waitMs = isAllowed ? 0 : Math.max(0, Math.ceil(excess(bucket, b) / drain));
        figures.push(left, Math.ceil(owed / drain), waitMs);
      });
    }
    states.forEach(({ image, changed }, k) => {
      if (image !== null && changed !== null)
        writeBucket(db, keys[k] as string, image, changed === "in place");
    });
    return doubles(figures);
  },
};

interface State {
  image: BucketImage | null;
  readonly isUsual: boolean;
  /** Whether it is to be written: with an expiry that was moved, or without. */
  changed: "in place" | "anew" | null;
}

interface CalledBucket {
  readonly state: State;
  readonly limit: number;
  readonly weight: number;
  readonly drain: number;
}

/** What is owed now, by the rule of a call; `undefined` where `checkLimits` has to be asked. */
function debtOf(
  { state, limit, weight, drain }: CalledBucket,
  cost: number,
  now: number,
): number | undefined {
  if (cost > limit) return undefined;
  const { image } = state;
  if (image === null || image.owed === 0) return 0;
  if (image.weight !== weight) return undefined;
  const debt = Math.max(0, image.owed - (now - image.at) * drain);
  return debt > 2 * limit * weight ? undefined : debt;
}

function readCall(
  args: readonly AtomicArgument[],
  at: number,
  states: readonly State[],
): { readonly cost: number; readonly buckets: readonly CalledBucket[] } {
  const buckets = text(args[at])
    .split(",")
    .map((each, b) => {
      const [limit, weight, drain] = each.split(":").map(Number) as [number, number, number];
      return { state: states[number(args[at + 2 + b]) - 1] as State, limit, weight, drain };
    });
  return { cost: number(args[at + 1]), buckets };
}

/** Cost left (below 0: not judged), ms until all is back, ms to wait (0: it fits) of each of `count` buckets; `null` when `checkLimits` has to be asked. */
export function readBucketCalls(reply: AtomicReply, count: number): number[] | null {
  return readDoubles(reply, 3 * count);
}
