import type { WireRecord } from "./records.ts";

/** What a search may be narrowed by before records are read. */
export interface IndexQuery {
  readonly event?: string | undefined;
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly actor?: string | undefined;
  /** Not older, in ms of stream ids. */
  readonly sinceMs?: number | undefined;
}

const EVENT_CODE: Record<string, number> = { c: 1, u: 2, d: 3 };
/** Of a record whose outcome came: the outcome repeats it, so it need not be read. */
const SUPERSEDED = 0xff;
/** Units without an outcome that are remembered. One that is forgotten is read twice. */
const MAX_OPEN = 10_000;

/**
 * Where on the bus the events of which entity are: 25 bytes an event in typed arrays, as a ring. Hashes may collide, so
 * what is found is read and looked at again.
 */
export class HistoryIndex {
  readonly #capacity: number;
  readonly #ms: Float64Array;
  readonly #sequence: Uint32Array;
  readonly #entity: Uint32Array;
  readonly #entityId: Uint32Array;
  readonly #actor: Uint32Array;
  readonly #event: Uint8Array;
  /** Where the records of units are whose outcome has not come. */
  readonly #open = new Map<string, number>();
  #count = 0;
  /** Units of which an event is among those that are here. */
  #units = 0;
  #newest = "0-0";
  #newestMs = 0;
  #newestSequence = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#ms = new Float64Array(capacity);
    this.#sequence = new Uint32Array(capacity);
    this.#entity = new Uint32Array(capacity);
    this.#entityId = new Uint32Array(capacity);
    this.#actor = new Uint32Array(capacity);
    this.#event = new Uint8Array(capacity);
  }

  /** The last message that it knows of. */
  get newest(): string {
    return this.#newest;
  }

  /** Units that it knows a place of. */
  get units(): number {
    return this.#units;
  }

  /** The message from which on it knows all, while it has forgotten older ones; else `undefined`. */
  get oldest(): string | undefined {
    return this.#count > this.#capacity ? this.#idAt(this.#count % this.#capacity) : undefined;
  }

  /** Notes a message, in stream order; `null` for one that is no record. Returns whether it is new. */
  add(id: string, wire: WireRecord | null): boolean {
    const dash = id.indexOf("-");
    const ms = Number(id.slice(0, dash));
    const sequence = Number(id.slice(dash + 1));
    if (ms < this.#newestMs || (ms === this.#newestMs && sequence <= this.#newestSequence)) return false;
    this.#newest = id;
    this.#newestMs = ms;
    this.#newestSequence = sequence;
    if (wire === null) return true;
    if (wire.t === "o") this.#supersede(wire);
    else {
      this.#open.set(wire.id, this.#count);
      if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value as string);
    }
    if (wire.ev.length > 0) this.#units++;
    for (const [event, entity, entityId, actor = wire.a] of wire.ev) {
      const at = this.#count % this.#capacity;
      if (this.#count >= this.#capacity) this.#forget(at);
      this.#count++;
      this.#ms[at] = ms;
      this.#sequence[at] = sequence;
      this.#entity[at] = hash(entity);
      this.#entityId[at] = hash(entityId);
      this.#actor[at] = actor == null ? 0 : hash(actor);
      this.#event[at] = EVENT_CODE[event] ?? 0;
    }
    return true;
  }

  /** Makes room. With its last event a unit is gone, unless its outcome has taken its place. */
  #forget(at: number): void {
    const next = (at + 1) % this.#capacity;
    const isLast = this.#ms[at] !== this.#ms[next] || this.#sequence[at] !== this.#sequence[next];
    if (isLast && this.#event[at] !== SUPERSEDED) this.#units--;
  }

  #supersede({ id, ev }: WireRecord): void {
    const from = this.#open.get(id);
    if (from === undefined) return;
    this.#open.delete(id);
    if (from + ev.length > this.#count - this.#capacity) this.#units--;
    for (let n = Math.max(from, this.#count - this.#capacity); n < from + ev.length; n++) {
      this.#event[n % this.#capacity] = SUPERSEDED;
    }
  }

  /** Ids of messages that may match, newest first, each once. */
  *find(query: IndexQuery): Generator<string> {
    const entity = query.entityType === undefined ? undefined : hash(query.entityType);
    const entityId = query.entityId === undefined ? undefined : hash(query.entityId);
    const actor = query.actor === undefined ? undefined : hash(query.actor);
    const event = query.event === undefined ? undefined : EVENT_CODE[query.event[7] as string];
    const oldest = Math.max(0, this.#count - this.#capacity);
    let last = "";
    for (let n = this.#count - 1; n >= oldest; n--) {
      const at = n % this.#capacity;
      if (query.sinceMs !== undefined && (this.#ms[at] as number) < query.sinceMs) return;
      if (this.#event[at] === SUPERSEDED) continue;
      if (entity !== undefined && this.#entity[at] !== entity) continue;
      if (entityId !== undefined && this.#entityId[at] !== entityId) continue;
      if (actor !== undefined && this.#actor[at] !== actor) continue;
      if (event !== undefined && this.#event[at] !== event) continue;
      const id = this.#idAt(at);
      if (id !== last) yield id;
      last = id;
    }
  }

  #idAt(at: number): string {
    return `${this.#ms[at]}-${this.#sequence[at]}`;
  }
}

/** FNV-1a of the UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
