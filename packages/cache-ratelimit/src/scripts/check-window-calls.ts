import type { AtomicArgument, AtomicOperation, AtomicReply } from "@crm/cache-core";
import { number, text } from "./plan.ts";
import { doubles, notJudged, readDoubles } from "./state/bytes.ts";
import { LUA_DECODE_WINDOW, readImage, WINDOW_TAG, writeImage } from "./state/window-image.ts";

/**
 * Calls of fixed windows, each all or nothing over its own, in order, as if they came one by one: what is asked in one turn of the event
 * loop. It decides as `checkLimits` does, for less: all states are read by one command, and each that has changed is written once. Calls on
 * a state that is blocked, damaged, reserved or from the future are left to `checkLimits`; where a cost is above its limit all are.
 */
export const checkWindowCalls: AtomicOperation = {
  name: "checkWindowCalls",
  lua: `
-- KEYS: the states, each once. ARGV, for each call: its windows as '<limit>:<ms>,…', cost (1 or more), for each window the place of its
--   state in KEYS.
-- Replies for each window of each call cost left (below 0: not judged), ms until all is back, ms to wait (0: fits), as little-endian doubles. Or nil.
-- Atomic: every window of a call is judged before any is spent. O(windows). On a refusal nothing is written.
-- A count is changed in place, because to set a value with an expiry costs twice as much.
local decode, pack = struct.unpack, struct.pack
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local raws = redis.call('MGET', unpack(KEYS))
local counts, finishes, begun, changed, specs, out, n, i = {}, {}, {}, {}, {}, {}, 0, 1
for k = 1, #KEYS do
  local raw = raws[k]
  if raw then
    ${LUA_DECODE_WINDOW}
    counts[k], finishes[k] = count, finish
  else counts[k] = 0 end
end
local function specOf(text)
  local spec = {}
  for limit, window in string.gmatch(text, '(%d+):(%d+)') do
    spec[#spec + 1], spec[#spec + 2] = limit + 0, window + 0
  end
  specs[text] = spec
  return spec
end
local arguments = #ARGV
while i < arguments do
  local spec, cost, allowed = specs[ARGV[i]] or specOf(ARGV[i]), ARGV[i + 1] + 0, true
  local windows, usual = #spec / 2, true
  for w = 1, windows do
    local count, room = counts[ARGV[i + 1 + w] + 0], spec[2 * w - 1] - cost
    if room < 0 then return false end
    if not count then usual = false elseif count > room then allowed = false end
  end
  for w = 1, usual and windows or 0 do
    local k, limit, window = ARGV[i + 1 + w] + 0, spec[2 * w - 1], spec[2 * w]
    local count, finish, wait = counts[k], finishes[k], 0
    if allowed then
      count = count + cost
      counts[k], changed[k] = count, true
      if not finish then
        finish = now + window
        finishes[k], begun[k] = finish, window
      end
    elseif count + cost > limit then wait = finish - now end
    out[n + 1], out[n + 2], out[n + 3] = math.max(0, limit - count), finish and finish - now or 0, wait
    n = n + 3
  end
  for _ = 1, usual and 0 or windows do
    out[n + 1], out[n + 2], out[n + 3] = -1, 0, 0
    n = n + 3
  end
  i = i + 2 + windows
end
for k in pairs(changed) do
  if begun[k] then redis.call('SET', KEYS[k], pack('>Bddd', ${WINDOW_TAG}, counts[k], finishes[k], begun[k]), 'PXAT', finishes[k])
  else redis.call('SETRANGE', KEYS[k], '1', pack('>d', counts[k])) end
end
return pack('<' .. string.rep('d', n), unpack(out))
`,
  run(db, keys, args) {
    const now = Math.floor(db.nowMs());
    const states: State[] = [];
    for (const key of keys) {
      const image = readImage(db, key, now);
      states.push({
        ...(image ?? NONE),
        isUsual: image !== undefined,
        stored: image !== null,
        changed: false,
      });
    }
    const figures: number[] = [];
    for (let i = 0; i < args.length; ) {
      const call = readCall(args, i, states);
      i += 2 + call.windows.length;
      if (call.windows.some(({ limit }) => call.cost > limit)) return null;
      if (!call.windows.every(({ state }) => state.isUsual)) {
        figures.push(...notJudged(call.windows.length));
        continue;
      }
      const fits = ({ state, limit }: CalledWindow): boolean => state.count + call.cost <= limit;
      const allowed = call.windows.every(fits);
      for (const window of call.windows) {
        const { state, limit, windowMs } = window;
        if (allowed) spend(state, call.cost, windowMs, now);
        const left = Math.max(0, state.finish - now);
        figures.push(Math.max(0, limit - state.count), left, allowed || fits(window) ? 0 : left);
      }
    }
    states.forEach((state, k) => {
      if (state.changed) writeImage(db, keys[k] as string, state, state.stored);
    });
    return doubles(figures);
  },
};

const NONE = { count: 0, finish: 0, windowMs: 0 };

interface State {
  count: number;
  /** When it ends; 0: none has begun. */
  finish: number;
  windowMs: number;
  changed: boolean;
  readonly isUsual: boolean;
  readonly stored: boolean;
}

interface CalledWindow {
  readonly state: State;
  readonly limit: number;
  readonly windowMs: number;
}

function readCall(
  args: readonly AtomicArgument[],
  at: number,
  states: readonly State[],
): { readonly cost: number; readonly windows: readonly CalledWindow[] } {
  const windows = text(args[at])
    .split(",")
    .map((each, w) => {
      const [limit, windowMs] = each.split(":").map(Number) as [number, number];
      return { state: states[number(args[at + 2 + w]) - 1] as State, limit, windowMs };
    });
  return { cost: number(args[at + 1]), windows };
}

/** Cost left (below 0: not judged), ms until all is back, ms to wait (0: it fits) of each of `count` windows; `null` when `checkLimits` has to be asked. */
export function readWindowCalls(reply: AtomicReply, count: number): number[] | null {
  return readDoubles(reply, 3 * count);
}

function spend(state: State, cost: number, windowMs: number, now: number): void {
  state.count += cost;
  state.changed = true;
  if (state.finish > 0) return;
  state.finish = now + windowMs;
  state.windowMs = windowMs;
}
