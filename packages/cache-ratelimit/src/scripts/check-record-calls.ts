import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { LONGEST_MS, MAX_COUNT, number, text } from "./plan.ts";
import { BUCKET_TAG } from "./state/bucket-image.ts";
import { doubles, notJudged, readDoubles, stringAt } from "./state/bytes.ts";
import {
  openRecord,
  type RecordImage,
  type RecordRule,
  type RuleState,
  readSpec,
  writeRecord,
} from "./state/record-image.ts";
import { WINDOW_TAG } from "./state/window-image.ts";

/**
 * Calls of several rules that count one subject, fixed windows and buckets whose states lie in a record; each all or nothing over its
 * own, in order, as if they came one by one. It decides as `checkLimits` does, for less: all records are read by one command, and each that has
 * changed is written once. Calls on a record that has other states or is damaged, or one of whose states is blocked, reserved or from the
 * future, are left to `checkLimits`; where one is of another window, or a cost is above a limit, all are.
 */
export const checkRecordCalls: AtomicOperation = {
  name: "checkRecordCalls",
  lua: `
-- KEYS: the records, each once. ARGV, for each call: its rules as JSON, cost (1 or more), the place of its record in KEYS.
-- The JSON is [head of the record, format of its states, its bytes, then six for each rule: whether it is a window and not a bucket, the
--   place of its state among the fields, limit, ms of the window or weight of a cost, drain, whether it only reports].
-- Replies for each rule of each call cost left (below 0: not judged), ms until all is back, ms to wait (0: fits), as little-endian doubles. Or nil.
-- Atomic: every rule of a call is judged before any is spent. O(rules). On a refusal nothing is written.
-- A record whose key expires late enough is changed in place, because to set a value with an expiry costs twice as much. One that has lost
-- its expiry gets another when that moves, or by a call that comes alone.
local KEYS, ARGV, decode, pack, floor, ceil = KEYS, ARGV, struct.unpack, struct.pack, math.floor, math.ceil
local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local raws = redis.call('MGET', unpack(KEYS))
if raws[1] and #KEYS == 1 and redis.call('PTTL', KEYS[1]) < 0 then return false end
local specs, records, shapes, stands, ends, changed, debts, out, n = {}, {}, {}, {}, {}, {}, {}, {}, 0

-- The fields of the states: of a window tag, count, end and window; of a bucket tag, when, what was owed then, weight and expiry. And when the key expires.
local function open(raw, spec)
  local record, latest = {}, 0
  if not raw then
    for r = 4, #spec, 6 do
      local f = spec[r + 1]
      record[f], record[f + 1], record[f + 2], record[f + 3] = ${WINDOW_TAG}, 0, 0, 1
      if not spec[r] then record[f], record[f + 4] = ${BUCKET_TAG}, 0 end
    end
    return record, 0
  end
  if #raw ~= spec[3] or string.sub(raw, 1, #spec[1]) ~= spec[1] then return false end
  record = {decode(spec[2], raw, #spec[1] + 1)}
  for r = 4, #spec, 6 do
    local f = spec[r + 1]
    local x, y, z = record[f + 1], record[f + 2], record[f + 3]
    if not (x >= 0 and y >= 0 and z >= 1 and x <= ${MAX_COUNT} and y <= ${MAX_COUNT} and z <= ${LONGEST_MS}) or x % 1 ~= 0 or y % 1 ~= 0 or z % 1 ~= 0 then return false end
    if spec[r] then
      if record[f] ~= ${WINDOW_TAG} or y - z > now then return false end
      if y > latest then latest = y end
      if y <= now then record[f + 1], record[f + 2] = 0, 0 end
    else
      local til = record[f + 4]
      if record[f] ~= ${BUCKET_TAG} or x > now or not (til >= 0 and til <= ${MAX_COUNT}) or til % 1 ~= 0 then return false end
      if til > latest then latest = til end
    end
  end
  return record, latest
end

for i = 1, #ARGV, 3 do
  local source, cost, k, allowed = ARGV[i], ARGV[i + 1] + 0, ARGV[i + 2] + 0, true
  local spec = specs[source]
  if not spec then
    spec = cjson.decode(source)
    specs[source] = spec
  end
  local record = records[k]
  if record == nil then
    record, stands[k] = open(raws[k], spec)
    records[k], shapes[k], ends[k] = record, spec, stands[k]
  end
  for r = 4, record and #spec or 0, 6 do
    local f, limit = spec[r + 1], spec[r + 2]
    if cost > limit then return false end
    if spec[r] then
      if record[f + 1] + cost > limit and not spec[r + 5] then allowed = false end
    else
      local debt, weight = record[f + 2], spec[r + 3]
      if debt > 0 then
        if record[f + 3] ~= weight then return false end
        debt = debt - (now - record[f + 1]) * spec[r + 4]
        if debt < 0 then debt = 0 elseif debt > 2 * limit * weight then return false end
        if debt > (limit - cost) * weight and not spec[r + 5] then allowed = false end
      end
      debts[r] = debt
    end
  end
  for r = 4, record and #spec or 0, 6 do
    local f, limit, x, wait = spec[r + 1], spec[r + 2], spec[r + 3], 0
    if spec[r] then
      local count, finish = record[f + 1], record[f + 2]
      if count + cost > limit then wait = finish - now
      elseif allowed then
        count = count + cost
        record[f + 1] = count
        if finish == 0 then
          finish = now + x
          record[f + 2], record[f + 3] = finish, x
          if finish > ends[k] then ends[k] = finish end
        end
      end
      out[n + 1], out[n + 2], out[n + 3] = limit > count and limit - count or 0, finish > 0 and finish - now or 0, wait
    else
      local debt, drain = debts[r], spec[r + 4]
      local excess = debt - (limit - cost) * x
      if excess > 0 then wait = ceil(excess / drain)
      elseif allowed then
        debt = debt + cost * x
        local finish = now + ceil(debt / drain)
        record[f + 1], record[f + 2], record[f + 3] = now, debt, x
        if record[f + 4] < finish then
          finish = finish + floor(limit * x / drain / 16)
          record[f + 4] = finish
          if finish > ends[k] then ends[k] = finish end
        end
      end
      local left = floor((limit * x - debt) / x)
      out[n + 1], out[n + 2], out[n + 3] = left > 0 and left or 0, ceil(debt / drain), wait
    end
    n = n + 3
  end
  for _ = 4, record and 0 or #spec, 6 do
    out[n + 1], out[n + 2], out[n + 3] = -1, 0, 0
    n = n + 3
  end
  if record and allowed then changed[k] = true end
end
for k in pairs(changed) do
  local head, body = shapes[k][1], pack(shapes[k][2], unpack(records[k]))
  if ends[k] > stands[k] then redis.call('SET', KEYS[k], head .. body, 'PXAT', ends[k])
  else redis.call('SETRANGE', KEYS[k], #head, body) end
end
return pack('<' .. string.rep('d', n), unpack(out))
`,
  run(db, keys, args) {
    const now = Math.floor(db.nowMs());
    const [first = ""] = keys;
    if (keys.length === 1 && stringAt(db, first) && db.pttl(first) < 0) return null;
    const records = new Map<string, RecordImage | null>();
    const out: number[] = [];
    for (let i = 0; i < args.length; i += 3) {
      const { head, rules } = readSpec(text(args[i]));
      const cost = number(args[i + 1]);
      const key = keys[number(args[i + 2]) - 1] as string;
      let record = records.get(key);
      if (record === undefined) {
        record = openRecord(db, key, head, rules, now);
        records.set(key, record);
      }
      if (record === null) {
        out.push(...notJudged(rules.length));
        continue;
      }
      const spent = rules.map((rule, r) => spentOf(rule, record.states[r] as RuleState, cost, now));
      if (spent.includes(null)) return null;
      const waits = rules.map((rule, r) =>
        waitOf(rule, record.states[r] as RuleState, spent[r] as number, cost, now),
      );
      const isAllowed = waits.every((waitMs, r) => waitMs === 0 || rules[r]?.isShadow);
      record.changed ||= isAllowed;
      rules.forEach((rule, r) => {
        const state = record.states[r] as RuleState;
        const takes = isAllowed && waits[r] === 0;
        if (takes) take(rule, state, spent[r] as number, cost, now);
        out.push(
          ...figuresOf(rule, state, (spent[r] as number) + (takes ? cost * rule.weight : 0), now),
          waits[r] as number,
        );
      });
    }
    for (const [key, record] of records) if (record?.changed) writeRecord(db, key, record);
    return doubles(out);
  },
};

/** Cost left (below 0: not judged), ms until all is back, ms to wait (0: it fits) of each of `count` rules; `null` when `checkLimits` has to be asked. */
export function readRecordCalls(reply: AtomicReply, count: number): number[] | null {
  return readDoubles(reply, 3 * count);
}

/** What is spent of a rule now: cost, or units owed; `null` where `checkLimits` has to be asked. */
function spentOf(
  { isWindow, limit, weight, drain }: RecordRule,
  state: RuleState,
  cost: number,
  now: number,
): number | null {
  if (cost > limit) return null;
  if (isWindow || state.spent === 0) return state.spent;
  if (state.weight !== weight) return null;
  const debt = Math.max(0, state.spent - (now - state.at) * drain);
  return debt > 2 * limit * weight ? null : debt;
}

function waitOf(
  { isWindow, limit, weight, drain }: RecordRule,
  state: RuleState,
  spent: number,
  cost: number,
  now: number,
): number {
  const excess = spent - (limit - cost) * weight;
  if (excess <= 0) return 0;
  return isWindow ? state.end - now : Math.ceil(excess / drain);
}

function take(
  { isWindow, limit, weight, drain, windowMs }: RecordRule,
  state: RuleState,
  spent: number,
  cost: number,
  now: number,
): void {
  state.spent = spent + cost * weight;
  if (isWindow) {
    if (state.end > 0) return;
    state.end = now + windowMs;
    state.windowMs = windowMs;
    return;
  }
  state.at = now;
  state.weight = weight;
  const finish = now + Math.ceil(state.spent / drain);
  if (state.end < finish) state.end = finish + Math.floor((limit * weight) / drain / 16);
}

function figuresOf(
  { isWindow, limit, weight, drain }: RecordRule,
  state: RuleState,
  spent: number,
  now: number,
): [left: number, resetMs: number] {
  const left = Math.max(0, Math.floor((limit * weight - spent) / weight));
  return [left, isWindow ? Math.max(0, state.end - now) : Math.ceil(spent / drain)];
}
