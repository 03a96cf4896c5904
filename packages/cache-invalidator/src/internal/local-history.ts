import type { EntityEvent } from "@crm/cache-core";
import { type HistoryRecord, toHistory, type WireRecord } from "./records.ts";

/** Counts of what this process knows of. */
export interface InvalidationStats {
  /** Events on record since the oldest that was loaded at the start. */
  readonly totalInvalidations: number;
  readonly byEvent: Readonly<Record<EntityEvent, number>>;
  /** Up to 1,000 entities; the rest is counted under "(other)". */
  readonly byEntity: Readonly<Record<string, number>>;
  /** Events of the last hour. */
  readonly recentInvalidations: number;
}

const MINUTE_MS = 60_000;
const MAX_ENTITIES = 1_000;
/** Units that have made room and are remembered by their names. */
const MAX_GONE = 10_000;

interface Unit {
  wire: WireRecord;
  pending: boolean;
}

/** The latest records of all processes, bounded, for answers without a call. */
export class LocalHistory {
  readonly #capacity: number;
  #units = new Map<string, Unit>();
  /** The same, oldest first, from `#first` on. */
  #order: Unit[] = [];
  #first = 0;
  /** What has made room: its record, or its outcome, may still come by the bus, and is neither new nor to be counted. */
  readonly #gone = new Set<string>();
  #events = 0;
  #total = 0;
  readonly #byEvent: Record<EntityEvent, number> = {
    "entity:created": 0,
    "entity:updated": 0,
    "entity:deleted": 0,
  };
  readonly #byEntity = new Map<string, number>();
  /** Events by minute of the server's clock. */
  readonly #minutes = new Map<number, number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Notes a record, or what has become of one. */
  add(wire: WireRecord, pending = false): void {
    this.#put(wire, pending, true);
  }

  #put(wire: WireRecord, pending: boolean, counts: boolean): void {
    const known = this.#units.get(wire.id);
    if (known !== undefined) {
      if (known.wire.t === "o") return;
      known.wire = wire;
      known.pending = pending || (known.pending && wire.t === "i");
      return;
    }
    if (this.#gone.has(wire.id)) return;
    const unit = { wire, pending };
    this.#units.set(wire.id, unit);
    this.#order.push(unit);
    this.#events += wire.ev.length;
    if (counts) this.#count(wire);
    for (; this.#first < this.#order.length; this.#first++) {
      const { wire: oldest } = this.#order[this.#first] as Unit;
      if (this.#events - oldest.ev.length < this.#capacity) break;
      this.#units.delete(oldest.id);
      this.#gone.add(oldest.id);
      this.#events -= oldest.ev.length;
    }
    while (this.#gone.size > MAX_GONE) this.#gone.delete(this.#gone.keys().next().value as string);
    if (this.#first > 2 * this.#units.size) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Puts what the bus has, in its order, together with what is there already, by time. Counts what is new. */
  load(records: readonly { readonly wire: WireRecord; readonly isNew: boolean }[]): void {
    const all = new Map<string, Unit & { counts: boolean }>();
    for (const unit of this.#order.slice(this.#first)) all.set(unit.wire.id, { ...unit, counts: false });
    for (const { wire, isNew } of records) {
      const known = all.get(wire.id);
      if (known === undefined) all.set(wire.id, { wire, pending: false, counts: isNew });
      else if (known.wire.t === "i") {
        known.wire = wire;
        known.pending &&= wire.t === "i";
      }
    }
    this.#units = new Map();
    this.#order = [];
    this.#first = 0;
    this.#events = 0;
    for (const { wire, pending, counts } of [...all.values()].sort(
      (one, other) => one.wire.ts - other.wire.ts,
    )) {
      this.#put(wire, pending, counts);
    }
  }

  /** Newest first, none older than `oldestMs`. */
  latest(count: number, oldestMs: number): HistoryRecord[] {
    const found: HistoryRecord[] = [];
    for (let i = this.#order.length - 1; i >= this.#first && found.length < count; i--) {
      const { wire, pending } = this.#order[i] as Unit;
      if (wire.ts >= oldestMs) found.push(...toHistory(wire, pending).reverse());
    }
    return found.slice(0, count);
  }

  stats(nowMs: number): InvalidationStats {
    const from = Math.floor((nowMs - 60 * MINUTE_MS) / MINUTE_MS);
    let recent = 0;
    for (const [minute, count] of this.#minutes) if (minute > from) recent += count;
    return {
      totalInvalidations: this.#total,
      byEvent: { ...this.#byEvent },
      byEntity: Object.fromEntries(this.#byEntity),
      recentInvalidations: recent,
    };
  }

  #count({ ev, ts }: WireRecord): void {
    const minute = Math.floor(ts / MINUTE_MS);
    this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + ev.length);
    if (this.#minutes.size > 128) {
      const oldest = Math.max(...this.#minutes.keys()) - 61;
      for (const each of this.#minutes.keys()) if (each < oldest) this.#minutes.delete(each);
    }
    for (const [event, entity] of ev) {
      this.#total++;
      this.#byEvent[event === "c" ? "entity:created" : event === "u" ? "entity:updated" : "entity:deleted"]++;
      const name = this.#byEntity.has(entity) || this.#byEntity.size < MAX_ENTITIES ? entity : "(other)";
      this.#byEntity.set(name, (this.#byEntity.get(name) ?? 0) + 1);
    }
  }
}
