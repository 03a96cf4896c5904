import { ExpiryHeap } from "./expiry-heap.ts";
import type { MemberSet } from "./member-set.ts";
import { wrongType } from "./reply-error.ts";
import type { SortedMembers } from "./sorted-members.ts";
import type { StreamLog } from "./stream-log.ts";

/** The types of value a key can hold. */
export interface ValueTypes {
  string: Buffer;
  set: MemberSet;
  zset: SortedMembers;
  hash: Map<string, Buffer>;
  stream: StreamLog;
}

/** One key. Reused when the key is overwritten, whatever the type. */
export interface Slot<T extends keyof ValueTypes = keyof ValueTypes> {
  readonly key: string;
  type: T;
  value: ValueTypes[T];
  /** `Infinity` without expiry. As in Redis, the key is gone once the time is past, not at it. */
  expireAtMs: number;
  heapIndex: number;
  /** Estimated bytes of key and value. */
  bytes: number;
}

/** A slot, its map entry and its place in the heap. This and the like elsewhere are measured on Node 24. */
const SLOT_BYTES = 150;
/** A buffer beside its content. */
export const BUFFER_BYTES = 110;

/** The keys, their expiry, and the count of bytes. Keys past their expiry are removed when they are met. */
export class Keyspace {
  readonly #slots = new Map<string, Slot>();
  readonly #expiries = new ExpiryHeap<Slot>();
  readonly #readClock: () => number;
  #frozenMs = -1;
  #bytes = 0;

  constructor(readClock: () => number) {
    this.#readClock = readClock;
  }

  nowMs(): number {
    return this.#frozenMs === -1 ? this.#readClock() : this.#frozenMs;
  }

  /** Runs the step with the time standing still, as it does for a script in Redis. */
  atomic<T>(step: () => T): T {
    if (this.#frozenMs !== -1) return step();
    this.#frozenMs = this.#readClock();
    try {
      return step();
    } finally {
      this.#frozenMs = -1;
    }
  }

  /** Number of keys, dead ones that were not met yet among them. */
  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The live key, whatever its type. */
  any(key: string): Slot | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined || !this.#isDead(slot)) return slot;
    this.remove(slot);
    return undefined;
  }

  /** The live key of this type; throws `WRONGTYPE` when it has another. */
  find<T extends keyof ValueTypes>(key: string, type: T): Slot<T> | undefined {
    const slot = this.any(key);
    if (slot === undefined) return undefined;
    if (slot.type !== type) throw wrongType();
    return slot as Slot<T>;
  }

  /** Adds a key that is not there. */
  create<T extends keyof ValueTypes>(key: string, type: T, value: ValueTypes[T], bytes: number): Slot<T> {
    const slot: Slot<T> = { key, type, value, expireAtMs: Infinity, heapIndex: -1, bytes: 0 };
    this.#slots.set(key, slot as Slot);
    this.resize(slot, SLOT_BYTES + key.length + bytes);
    return slot;
  }

  /** Makes the key a string, whatever it was, without expiry or with the one given. */
  overwrite(key: string, value: Buffer, expireAtMs: number): void {
    let slot = this.#slots.get(key);
    if (slot === undefined) slot = this.create(key, "string", value, BUFFER_BYTES + value.length) as Slot;
    else {
      slot.type = "string";
      slot.value = value;
      this.resize(slot, SLOT_BYTES + key.length + BUFFER_BYTES + value.length - slot.bytes);
    }
    this.expireAt(slot, expireAtMs);
  }

  remove(slot: Slot<keyof ValueTypes>): void {
    this.#slots.delete(slot.key);
    this.#expiries.remove(slot);
    this.#bytes -= slot.bytes;
  }

  /** `Infinity` takes the expiry away. A time in the past, or now, removes the key. */
  expireAt(slot: Slot, atMs: number): void {
    if (atMs === Infinity) {
      if (slot.expireAtMs === Infinity) return;
      slot.expireAtMs = Infinity;
      this.#expiries.remove(slot);
      return;
    }
    if (atMs <= this.nowMs()) {
      this.remove(slot);
      return;
    }
    slot.expireAtMs = atMs;
    this.#expiries.schedule(slot, atMs);
  }

  /** Notes that the value has grown, or shrunk, by so many bytes. */
  resize(slot: { bytes: number }, by: number): void {
    slot.bytes += by;
    this.#bytes += by;
  }

  /** Removes up to `limit` keys whose time is past; O(log n) each. Returns how many. */
  sweepExpired(limit: number): number {
    let removed = 0;
    while (removed < limit) {
      const slot = this.#expiries.earliest;
      if (slot === undefined || !this.#isDead(slot)) break;
      this.remove(slot);
      removed++;
    }
    return removed;
  }

  clear(): void {
    this.#slots.clear();
    this.#expiries.clear();
    this.#bytes = 0;
  }

  /**
   * Pages through the live keys that start with `prefix`. Each page visits up to `pageSize` keys, so that a caller
   * can give way to others in between; it may be empty. What was there throughout is seen, exactly once unless it was
   * removed and came back: the iterator of a `Map` allows changes while it stands.
   */
  *pages(prefix: string, pageSize: number): Generator<string[], void, undefined> {
    let visited = 0;
    let page: string[] = [];
    for (const slot of this.#slots.values()) {
      if (slot.key.startsWith(prefix) && !this.#isDead(slot)) page.push(slot.key);
      if (++visited < pageSize) continue;
      yield page;
      page = [];
      visited = 0;
    }
    if (visited > 0) yield page;
  }

  /** Redis counts in whole milliseconds. */
  #isDead(slot: Slot): boolean {
    return slot.expireAtMs !== Infinity && Math.floor(this.nowMs()) > slot.expireAtMs;
  }
}
