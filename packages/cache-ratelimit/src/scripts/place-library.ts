import { createHash } from "node:crypto";
import type { MemoryDatabase } from "@crm/cache-core";
import { type Address, LimitState } from "./limit-state.ts";
import type { LimitTwin } from "./limit-twin.ts";
import { rulesOf } from "./plan.ts";
import { NOTHING } from "./state/bytes.ts";
import { endOf } from "./state/record.ts";

/**
 * The queue of one subject is a hash: the id of a place, and when its time comes, when it was taken, its cost, the
 * channel of its process, its plan and subjects, and for each rule what lay under it and the digest of what it left (empty: it took nothing there).
 * It orders nothing: a place is spent the moment it is taken. It exists so that a place can be given up.
 */
export const LUA_PLACES = `
local function common(plan, states, cost)
  local at, again = now, nil
  repeat
    again = at
    for r = 2, #plan do
      if plan[r][7] == 0 then at = max(at, earliest(states[r], at, cost)) end
    end
  until at == again
  return at
end

local function packPlace(place)
  local parts = {pack('>ddd', place.at, place.micros, place.cost)}
  local function add(part) parts[#parts + 1] = pack('>I4', #part) .. part end
  add(place.channel)
  add(place.plan)
  for _, subject in ipairs(place.subjects) do add(subject) end
  for _, pair in ipairs(place.images) do
    add(pair[1])
    add(pair[2])
  end
  return table.concat(parts)
end

local function unpackPlace(id, bytes)
  local at, taken, cost, pos = decode('>ddd', bytes, 1)
  local function next()
    local size, from = decode('>I4', bytes, pos)
    pos = from + size
    return sub(bytes, from, pos - 1)
  end
  local place = {id = id, at = at, micros = taken, cost = cost, channel = next(), plan = next(), subjects = {}, images = {}}
  place.rules = planOf(place.plan)
  for i = 1, place.rules[1] do place.subjects[i] = next() end
  for r = 2, #place.rules do place.images[r - 1] = {next(), next()} end
  return place
end

-- Places whose time has not come, in order. Those whose time has come are forgotten.
local function places(queue)
  local found = redis.pcall('HGETALL', queue)
  if found.err then
    redis.call('DEL', queue)
    return {}
  end
  local all = {}
  for i = 1, #found, 2 do
    local ok, place = pcall(unpackPlace, found[i], found[i + 1])
    if ok and place.at > now then all[#all + 1] = place else redis.call('HDEL', queue, found[i]) end
  end
  table.sort(all, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.micros < b.micros
  end)
  return all
end

local function roomIn(queue, most)
  local size = redis.pcall('HLEN', queue)
  return type(size) == 'number' and size < most or #places(queue) < most
end

local function occupy(place, states)
  local plan = planOf(place.plan)
  place.images = {}
  for r = 2, #plan do
    local s, under, left = states[r], '', ''
    -- A rule in shadow mode may not allow it by then: it is left as it was, and may be over long before.
    if earliest(s, place.at, place.cost) == place.at then
      under = s.raw
      take(s, place.at, place.cost)
      left = redis.sha1hex(save(s))
    end
    place.images[r - 1] = {under, left}
  end
end

local function putBack(s, raw)
  local record = s.record
  if record then record.states[s.name], record.changed = raw, true
  elseif raw == '' then redis.call('DEL', s.key)
  else
    local _, finish = image(parse(raw, {rule = s.rule, key = s.key, blocked = 0, span = 0, dirty = false}))
    redis.call('SET', s.key, raw, 'PXAT', max(finish, endOf(raw), now + 1))
  end
end

local function keep(queue, place)
  redis.call('HSET', queue, place.id, packPlace(place))
  if redis.call('PTTL', queue) < place.at - now then redis.call('PEXPIREAT', queue, place.at + 1000) end
end
`;

/** A place in a queue. */
export interface Place {
  readonly id: string;
  readonly at: number;
  readonly micros: number;
  readonly cost: number;
  readonly channel: string;
  readonly plan: string;
  readonly subjects: readonly string[];
  /** For each rule: what lay under the place, and the digest of what it left; empty where it took nothing. */
  images: (readonly [under: Buffer, left: string])[];
}

/** What lay under some places in one state, and what they have spent there. */
interface Under {
  readonly address: Address;
  readonly image: Buffer;
  cost: number;
  /** The digest of what the last of them left. */
  left: string;
  /** Whether others have spent there since. */
  shared: boolean;
}

/** The TypeScript side of `LUA_PLACES`. */
export class PlaceTwin {
  readonly #twin: LimitTwin;
  readonly #db: MemoryDatabase;
  readonly #prefix: string;

  constructor(twin: LimitTwin, db: MemoryDatabase, prefix: string) {
    this.#twin = twin;
    this.#db = db;
    this.#prefix = prefix;
  }

  common(states: readonly LimitState[], cost: number): number {
    let at = this.#twin.now;
    for (let again = -1; again !== at; ) {
      again = at;
      for (const state of states) if (state.rule[6] === 0) at = Math.max(at, state.earliest(at, cost));
    }
    return at;
  }

  all(queue: string): Place[] {
    let found: Map<string, Buffer>;
    try {
      found = this.#db.hgetall(queue);
    } catch {
      this.#db.del(queue);
      return [];
    }
    const all: Place[] = [];
    for (const [id, bytes] of found) {
      const place = this.#unpack(id, bytes);
      if (place !== null && place.at > this.#twin.now) all.push(place);
      else this.#db.hdel(queue, id);
    }
    return all.sort((a, b) => a.at - b.at || a.micros - b.micros);
  }

  roomIn(queue: string, most: number): boolean {
    try {
      if (this.#db.hgetall(queue).size < most) return true;
    } catch {}
    return this.all(queue).length < most;
  }

  occupy(place: Place, states: readonly LimitState[]): void {
    place.images = states.map((state) => {
      if (state.earliest(place.at, place.cost) !== place.at) return [NOTHING, ""];
      const under = state.raw;
      state.take(place.at, place.cost);
      return [under, sha1(this.#twin.save(state))];
    });
  }

  keep(queue: string, place: Place): void {
    this.#db.hset(queue, place.id, pack(place));
    if (this.#db.pttl(queue) < place.at - this.#twin.now) this.#db.pexpireat(queue, place.at + 1_000);
  }

  /**
   * Puts back what lay under the first of the places. Where others have spent beside them since, what the places have spent is given back instead;
   * `false`, and nothing is changed, where a later window is reserved.
   */
  restore(places: readonly Place[]): boolean {
    const twin = this.#twin;
    const under = new Map<string, Under>();
    for (const place of places) {
      rulesOf(twin.planOf(place.plan)).forEach((rule, i) => {
        const address = twin.locate(this.#prefix, rule, place.subjects[rule[7] - 1] as string);
        const [image, left] = place.images[i] as readonly [Buffer, string];
        if (left === "") return;
        const what = under.get(address.key) ?? { address, image, cost: 0, left: sha1(image), shared: false };
        what.shared ||= what.left !== sha1(image);
        what.left = left;
        what.cost += place.cost;
        under.set(address.key, what);
      });
    }
    const found = [...under.values()].map((what) => {
      const state = new LimitState(twin.bytesAt(what.address), what.address, twin.now);
      what.shared ||= what.left !== sha1(state.raw);
      return { ...what, state };
    });
    if (found.some(({ shared, state }) => shared && state.latest > twin.now)) return false;
    for (const { address, image, cost, shared, state } of found) {
      if (shared) {
        state.give(cost);
        state.kept = false;
        twin.save(state);
      } else this.#putBack(address, image);
    }
    return true;
  }

  #putBack(address: Address, raw: Buffer): void {
    const { key, record } = address;
    const { now } = this.#twin;
    if (record !== null) record.at.set(record.name, raw);
    else if (raw.length === 0) this.#db.del(key);
    else {
      const { expiry } = new LimitState(raw, address, now).image();
      this.#db.set(key, raw, Math.max(expiry, endOf(raw, now), now + 1));
    }
  }

  #unpack(id: string, bytes: Buffer): Place | null {
    try {
      let pos = 24;
      const next = (): Buffer => {
        const size = bytes.readUInt32BE(pos);
        pos += 4 + size;
        return bytes.subarray(pos - size, pos);
      };
      const [at, micros, cost] = [bytes.readDoubleBE(0), bytes.readDoubleBE(8), bytes.readDoubleBE(16)];
      const channel = next().toString();
      const source = next().toString();
      const plan = this.#twin.planOf(source);
      const subjects = Array.from({ length: plan[0] }, () => next().toString());
      const images = rulesOf(plan).map((): readonly [Buffer, string] => [next(), next().toString()]);
      return { id, at, micros, cost, channel, plan: source, subjects, images };
    } catch {
      return null;
    }
  }
}

function pack(place: Place): Buffer {
  const head = Buffer.allocUnsafe(24);
  head.writeDoubleBE(place.at, 0);
  head.writeDoubleBE(place.micros, 8);
  head.writeDoubleBE(place.cost, 16);
  const parts: Buffer[] = [head];
  const add = (part: Buffer | string): void => {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    const size = Buffer.allocUnsafe(4);
    size.writeUInt32BE(bytes.length);
    parts.push(size, bytes);
  };
  for (const part of [place.channel, place.plan, ...place.subjects, ...place.images.flat()]) add(part);
  return Buffer.concat(parts);
}

function sha1(bytes: Buffer): string {
  return createHash("sha1").update(bytes).digest("hex");
}
