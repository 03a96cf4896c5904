import type { AtomicOperation, AtomicReply } from "@crm/cache-core";
import { number } from "./plan.ts";
import { doubles } from "./state/bytes.ts";
import {
  LUA_DECODE_WINDOW,
  readImage,
  WINDOW_TAG,
  type WindowImage,
  writeImage,
} from "./state/window-image.ts";

/**
 * One call of several fixed windows, by itself, all or nothing: what a limit a second, a minute and a day together are. It
 * reads no plan and decides as `checkLimits` does, for half of what that costs the server. Where a state is blocked, damaged,
 * reserved or from the future, or a cost is above its limit, it changes nothing, replies nothing, and `checkLimits` has to be asked.
 */
export const checkWindows: AtomicOperation = {
  name: "checkWindows",
  lua: `
-- KEYS: the states. ARGV: cost (1 or more), then for each: limit, window in ms.
-- Replies for each cost left and ms until all is back, when it was spent; these and ms to wait (0: fits), when not; as
-- little-endian doubles. Or nil.
-- Atomic: every window is judged before any is spent. O(windows). On a refusal nothing is written.
-- No tables but those that Redis makes: bytes are read twice for less than it costs to keep numbers. In place, because to set a
-- value with an expiry costs twice as much.
local decode, pack = struct.unpack, struct.pack
local cost, time = ARGV[1] + 0, redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local raws, allowed = redis.call('MGET', unpack(KEYS)), true
for i = 1, #KEYS do
  local raw, room = raws[i], ARGV[2 * i] - cost
  if room < 0 then return false end
  if raw then
    ${LUA_DECODE_WINDOW}
    if count > room then allowed = false end
  end
end
local out = {}
for i = 1, #KEYS do
  local raw, limit, count, left, _ = raws[i], ARGV[2 * i] + 0, 0, 0, 0
  if raw then
    _, count, left = decode('>Bdd', raw)
    left = left - now
  end
  if not allowed then
    out[i] = pack('<ddd', math.max(0, limit - count), left, count + cost > limit and left or 0)
  else
    count = count + cost
    if raw then
      redis.call('SETRANGE', KEYS[i], '1', pack('>d', count))
    else
      left = ARGV[2 * i + 1] + 0
      redis.call('SET', KEYS[i], pack('>Bddd', ${WINDOW_TAG}, count, now + left, left), 'PXAT', now + left)
    end
    out[i] = pack('<dd', limit - count, left)
  end
end
return table.concat(out)
`,
  run(db, keys, args) {
    const cost = number(args[0]);
    const now = Math.floor(db.nowMs());
    const states: State[] = [];
    for (const [i, key] of keys.entries()) {
      const [limit, windowMs] = [number(args[1 + 2 * i]), number(args[2 + 2 * i])];
      const image = readImage(db, key, now);
      if (image === undefined || cost > limit) return null;
      states.push({ limit, stored: image !== null, ...(image ?? { count: 0, finish: 0, windowMs }) });
    }
    const fits = (state: State): boolean => state.count + cost <= state.limit;
    if (states.every(fits)) {
      return doubles(
        states.flatMap(({ limit, count, finish, windowMs, stored }, i) => {
          const spent = { count: count + cost, finish: finish || now + windowMs, windowMs };
          writeImage(db, keys[i] as string, spent, stored);
          return [limit - spent.count, spent.finish - now];
        }),
      );
    }
    return doubles(
      states.flatMap((state) => {
        const left = Math.max(0, state.finish - now);
        return [Math.max(0, state.limit - state.count), left, fits(state) ? 0 : left];
      }),
    );
  },
};

interface State extends WindowImage {
  readonly limit: number;
  readonly stored: boolean;
}

/** Cost left, ms until all is back, ms to wait (0: it fits) of each window; `null` when `checkLimits` has to be asked. */
export function readWindows(reply: AtomicReply, count: number): number[] | null {
  if (!Buffer.isBuffer(reply)) return null;
  const each = reply.length / (8 * count);
  const figures: number[] = [];
  for (let at = 0; at < reply.length; at += 8 * each) {
    figures.push(
      reply.readDoubleLE(at),
      reply.readDoubleLE(at + 8),
      each > 2 ? reply.readDoubleLE(at + 16) : 0,
    );
  }
  return figures;
}
