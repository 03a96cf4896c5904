import type { AtomicArgument, AtomicOperation, AtomicReply, MemoryDatabase } from "@crm/cache-core";

/** How a task ended, as the ledger remembers it. Part of a score: at most 7. */
export const MARK = { released: 0, stored: 1, empty: 2, failed: 3, newer: 4 } as const;
export type Mark = (typeof MARK)[keyof typeof MARK];

/** What the ledger says of a candidate. */
export const STATE = { free: 0, granted: 1, held: 2, done: 3 } as const;

/** What was not stored leaves nothing to look at but this mark: it counts for instances that start together, not longer. */
export const UNSTORED_COUNTS_MS = 60_000;

/** No lease is longer: one that lives on for more was given by a clock that was set back since, or by nobody, and counts for nothing. */
export const LEASE_MAX_MS = 60_000;

/**
 * One step of an instance in the ledger of the fleet: notes how its tasks ended, and takes others.
 *
 * `held` is a hash, task to `<token>|<lives until, ms>|<began, ms>|<1 when it counts>`: at most as many count as may be in
 * flight. A task that is taken over from a dead holder keeps its `began`. `done` is a sorted set, task by
 * 8 x <when, ms> + mark. `here` is a sorted set, token by when it is forgotten: those who would take tasks, each of whom gets an
 * equal share of the flight. A task that is asked for by its own holder was granted by a reply that was lost: it is granted again.
 *
 * What is of another type under these names goes: the ledger saves work, and may be lost.
 *
 * Replies `[now, counting, cleared, state...]`; `cleared` is how many keys of another type there were; a state is `[0]` free but not granted, `[1, began]`, `[2, ms left]`, `[3, when, mark]`.
 */
export const stepTasks: AtomicOperation = {
  name: "stepTasks",
  lua: `
-- KEYS: held, done, here. ARGV: token, lease ms, keep ms, in flight at most, how many to take, 1 when it leaves, number of
--   ended tasks, then for each ended one: task, mark; then for each candidate, most wanted first: task, ms for which a mark counts,
--   and the moment after which it counts.
-- Atomic: what is counted, taken and noted belongs together. O((ended + candidates) log N + in flight).
local HELD, DONE, HERE = KEYS[1], KEYS[2], KEYS[3]
local cleared = 0
for i = 1, 3 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= (i == 1 and 'hash' or 'zset') then
    redis.call('DEL', KEYS[i])
    cleared = cleared + 1
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token, lease, keep, most, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local function alive(lives) return lives > now and lives <= now + ${LEASE_MAX_MS} end
local at = 8
for n = 1, tonumber(ARGV[7]) do
  local task, mark = ARGV[at], tonumber(ARGV[at + 1])
  local value = redis.call('HGET', HELD, task)
  -- Lost meanwhile: whoever has it now will say how it ended.
  if value and string.match(value, '^[^|]*') == token then
    redis.call('HDEL', HELD, task)
    if mark > 0 then redis.call('ZADD', DONE, now * 8 + mark, task) end
  end
  at = at + 2
end
-- What it asks for and holds already, it does not know of: the reply was lost. It may take it again, in the same place.
local asked = {}
for i = at, #ARGV, 3 do asked[ARGV[i]] = true end
local all, counting, own, held = redis.call('HGETALL', HELD), 0, 0, {}
for i = 1, #all, 2 do
  local holder, lives, began, counts = string.match(all[i + 1], '^([^|]*)|(%d+)|(%d+)|(%d)$')
  if holder then held[all[i]] = {holder, tonumber(lives), tonumber(began)} end
  if counts == '1' and alive(tonumber(lives)) and not (holder == token and asked[all[i]]) then
    counting = counting + 1
    if holder == token then own = own + 1 end
  end
end
redis.call('ZREMRANGEBYSCORE', HERE, '-inf', now)
if ARGV[6] == '1' then
  redis.call('ZREM', HERE, token)
elseif want > 0 and at <= #ARGV then
  redis.call('ZADD', HERE, now + lease, token)
  redis.call('PEXPIREAT', HERE, now + lease)
  want = math.min(want, math.max(1, math.ceil(most / redis.call('ZCARD', HERE))) - own)
end
local replies, taken = {now, counting, cleared}, false
for i = at, #ARGV, 3 do
  local task, after = ARGV[i], math.max(now - ARGV[i + 1], tonumber(ARGV[i + 2]))
  local owner = held[task]
  local score = redis.call('ZSCORE', DONE, task)
  local when = score and math.floor(score / 8) or -1
  local mark = score and score % 8 or 0
  if when > after and (mark == 1 or when > now - ${UNSTORED_COUNTS_MS}) then
    replies[#replies + 1] = {3, when, mark}
  elseif owner and alive(owner[2]) and owner[1] ~= token then
    replies[#replies + 1] = {2, owner[2] - now}
  elseif want > 0 and counting < most then
    local began = owner and owner[3] or now
    held[task] = {token, now + lease, began}
    redis.call('HSET', HELD, task, token .. '|' .. (now + lease) .. '|' .. began .. '|1')
    want, counting, taken = want - 1, counting + 1, true
    replies[#replies + 1] = {1, began}
  else
    replies[#replies + 1] = {0}
  end
end
-- What the dead left and nobody wants goes with the key.
if taken and redis.call('PTTL', HELD) < 4 * lease then redis.call('PEXPIREAT', HELD, now + 5 * lease) end
if redis.call('EXISTS', DONE) == 1 then
  redis.call('ZREMRANGEBYSCORE', DONE, '-inf', '(' .. (now - keep) * 8)
  if redis.call('PTTL', DONE) < keep then redis.call('PEXPIREAT', DONE, now + keep + math.min(1000, math.floor(keep / 100))) end
end
replies[2] = counting
return replies
`,
  run(db, keys, args): AtomicReply {
    const [heldKey, doneKey, hereKey] = keys as [string, string, string];
    const now = Math.floor(db.nowMs());
    const alive = ({ lives }: Hold): boolean => lives > now && lives <= now + LEASE_MAX_MS;
    const cleared =
      clearForeign(db, heldKey, () => db.hlen(heldKey)) +
      clearForeign(db, doneKey, () => db.zcard(doneKey)) +
      clearForeign(db, hereKey, () => db.zcard(hereKey));
    const token = text(args[0]);
    const [leaseMs, keepMs, most] = [number(args[1]), number(args[2]), number(args[3])];
    let want = number(args[4]);
    let at = 7;
    for (let n = number(args[6]); n > 0; n--, at += 2) {
      const task = text(args[at]);
      const mark = number(args[at + 1]);
      if (holderOf(db.hget(heldKey, task)) !== token) continue;
      db.hdel(heldKey, task);
      if (mark > 0) db.zadd(doneKey, now * 8 + mark, task);
    }
    const asked = new Set<string>();
    for (let i = at; i < args.length; i += 3) asked.add(text(args[i]));
    let counting = 0;
    let own = 0;
    const held = new Map<string, Hold>();
    for (const [task, value] of db.hgetall(heldKey)) {
      const hold = readHold(value);
      if (hold === undefined) continue;
      held.set(task, hold);
      if (!hold.counts || !alive(hold) || (hold.token === token && asked.has(task))) continue;
      counting++;
      if (hold.token === token) own++;
    }
    db.zremrangebyscore(hereKey, Number.NEGATIVE_INFINITY, now);
    if (text(args[5]) === "1") db.zrem(hereKey, token);
    else if (want > 0 && at < args.length) {
      db.zadd(hereKey, now + leaseMs, token);
      db.pexpireat(hereKey, now + leaseMs);
      want = Math.min(want, Math.max(1, Math.ceil(most / db.zcard(hereKey))) - own);
    }
    const states: AtomicReply[] = [];
    let taken = false;
    for (let i = at; i < args.length; i += 3) {
      const task = text(args[i]);
      const after = Math.max(now - number(args[i + 1]), number(args[i + 2]));
      const owner = held.get(task);
      const score = db.zscore(doneKey, task);
      const when = score === null ? -1 : Math.floor(score / 8);
      const mark = score === null ? 0 : score % 8;
      if (when > after && (mark === MARK.stored || when > now - UNSTORED_COUNTS_MS)) {
        states.push([STATE.done, when, mark]);
      } else if (owner !== undefined && alive(owner) && owner.token !== token) {
        states.push([STATE.held, owner.lives - now]);
      } else if (want > 0 && counting < most) {
        const hold: Hold = { token, lives: now + leaseMs, began: owner?.began ?? now, counts: true };
        held.set(task, hold);
        db.hset(heldKey, task, writeHold(hold));
        want--;
        counting++;
        taken = true;
        states.push([STATE.granted, hold.began]);
      } else {
        states.push([STATE.free]);
      }
    }
    if (taken && db.pttl(heldKey) < 4 * leaseMs) db.pexpireat(heldKey, now + 5 * leaseMs);
    if (db.exists(doneKey)) {
      db.zremrangebyscore(doneKey, Number.NEGATIVE_INFINITY, (now - keepMs) * 8 - 1);
      if (db.pttl(doneKey) < keepMs) {
        db.pexpireat(doneKey, now + keepMs + Math.min(1000, Math.floor(keepMs / 100)));
      }
    }
    return [now, counting, cleared, ...states];
  },
};

/** Removes a key of another type than the one that is looked for. Returns how many. */
function clearForeign(db: MemoryDatabase, key: string, look: () => unknown): number {
  try {
    look();
    return 0;
  } catch {
    db.del(key);
    return 1;
  }
}

/** A task that somebody has taken. */
export interface Hold {
  readonly token: string;
  readonly lives: number;
  readonly began: number;
  readonly counts: boolean;
}

function holderOf(value: Buffer | null): string | undefined {
  const all = value?.toString("utf8");
  if (all === undefined) return undefined;
  const end = all.indexOf("|");
  return end < 0 ? all : all.slice(0, end);
}

/** `undefined` for what is no hold. By hand: an expression takes three times as long, for each task in flight at each step. */
export function readHold(value: Buffer | null): Hold | undefined {
  const all = value?.toString("utf8") ?? "";
  const first = all.indexOf("|");
  const second = all.indexOf("|", first + 1);
  const third = all.length - 2;
  if (first < 0 || second < 0 || all[third] !== "|") return undefined;
  const lives = digits(all, first + 1, second);
  const began = digits(all, second + 1, third);
  const counts = digits(all, third + 1, all.length);
  if (lives < 0 || began < 0 || counts < 0) return undefined;
  return { token: all.slice(0, first), lives, began, counts: counts === 1 };
}

/** The number in a part of a text; -1 where there is anything but digits, or nothing. */
function digits(all: string, from: number, to: number): number {
  let value = from < to ? 0 : -1;
  for (let at = from; at < to; at++) {
    const digit = all.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = 10 * value + digit;
  }
  return value;
}

export function writeHold({ token, lives, began, counts }: Hold): Buffer {
  return Buffer.from(`${token}|${lives}|${began}|${counts ? 1 : 0}`, "utf8");
}

export function text(argument: AtomicArgument | undefined): string {
  return Buffer.isBuffer(argument) ? argument.toString("utf8") : String(argument ?? "");
}

export function number(argument: AtomicArgument | undefined): number {
  return typeof argument === "number" ? argument : Number(text(argument));
}
