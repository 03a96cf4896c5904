import { createHash } from "node:crypto";
import type { MemoryDatabase } from "@crm/cache-core";
import { type Address, LimitState } from "./limit-state.ts";
import type { LimitTwin } from "./limit-twin.ts";
import { rulesOf } from "./plan.ts";
import { NOTHING } from "./state/bytes.ts";

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
      under = image(s)
      take(s, place.at, place.cost)
      left = redis.sha1hex(save(s))
    end
    place.images[r - 1] = {under, left}
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
      const under = state.image().body;
      state.take(place.at, place.cost);
      return [under, sha1(this.#twin.save(state))];
    });
  }

  keep(queue: string, place: Place): void {
    this.#db.hset(queue, place.id, pack(place));
    if (this.#db.pttl(queue) < place.at - this.#twin.now) this.#db.pexpireat(queue, place.at + 1_000);
  }

  /** Puts back what lay under one of the places, if nobody but it and those behind it has changed that since. */
  restore(queue: string, places: readonly Place[], first: number): boolean {
    const twin = this.#twin;
    const under = new Map<string, { address: Address; image: Buffer; digest: string }>();
    for (const place of places.slice(first)) {
      rulesOf(twin.planOf(place.plan)).forEach((rule, i) => {
        const address = twin.locate(this.#prefix, rule, place.subjects[rule[7] - 1] as string);
        const [image, digest] = place.images[i] as readonly [Buffer, string];
        if (digest === "") return;
        under.set(address.key, { address, image: under.get(address.key)?.image ?? image, digest });
      });
    }
    for (const { address, digest } of under.values()) {
      if (sha1(twin.bytesAt(address) ?? NOTHING) !== digest) return false;
    }
    const left = new Map<string, string>();
    for (const { address, image } of under.values()) {
      const state = new LimitState(image, address, twin.now);
      state.kept = false;
      left.set(address.key, sha1(twin.save(state)));
    }
    // What is put back has other bytes than the place in front left.
    for (const place of places.slice(0, first).reverse()) this.#tell(queue, place, left);
    return true;
  }

  /** Notes what lies there now of the states of a place; each is told to one. */
  #tell(queue: string, place: Place, left: Map<string, string>): void {
    let changed = false;
    rulesOf(this.#twin.planOf(place.plan)).forEach(([part, , , , , , , subject], i) => {
      const key = `${this.#prefix}${part}:${place.subjects[subject - 1]}`;
      const digest = left.get(key);
      const [image, former] = place.images[i] as readonly [Buffer, string];
      if (digest === undefined || former === "") return;
      place.images[i] = [image, digest];
      left.delete(key);
      changed = true;
    });
    if (changed) this.keep(queue, place);
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
