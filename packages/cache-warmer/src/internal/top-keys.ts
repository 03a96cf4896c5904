/** A key that may be among the most read. */
export interface TopKey {
  readonly name: string;
  /** Estimated reads, times `UNIT`; never too low but for rounding. */
  count: number;
}

const ROWS = 3;
const COLUMNS = 32_768;
/** Reads are counted in sixteenths, so that halving loses little. */
const UNIT = 16;
/** Counters are halved before they could overflow. */
const CEILING = 0xf000_0000;
/** Names of candidates take at most so much memory: two bytes a character and the place in the map. */
const MAX_NAME_BYTES = 600_000;
const PLACE_BYTES = 100;

/**
 * The keys that are read most, in a megabyte at most, however many there are: a count-min sketch with conservative update
 * (Estan, Varghese: "New Directions in Traffic Measurement and Accounting", SIGCOMM 2002) over all of them, and by name those
 * whose estimate is high enough. Counts decay by halving.
 *
 * `read` is on the path of every read of the cache: three counters, one look-up in a map, no allocation but for a new candidate.
 */
export class TopKeys<T extends TopKey> {
  readonly #counters = new Uint32Array(ROWS * COLUMNS);
  readonly #capacity: number;
  readonly #make: (name: string, count: number) => T;
  readonly #onDrop: (dropped: T) => void;
  #candidates = new Map<string, T>();
  #nameBytes = 0;
  /** An estimate has to be above this to become a candidate: that of the least one when there were too many. */
  #threshold = 0;

  constructor(capacity: number, make: (name: string, count: number) => T, onDrop: (dropped: T) => void) {
    this.#capacity = capacity;
    this.#make = make;
    this.#onDrop = onDrop;
  }

  /** Memory of counters and names, at most. */
  get bytes(): number {
    return this.#counters.byteLength + this.#nameBytes;
  }

  get size(): number {
    return this.#candidates.size;
  }

  /** Counts a read; the candidate, if the key is one. */
  read(name: string): T | undefined {
    const count = this.#count(name, UNIT);
    const known = this.#candidates.get(name);
    if (known !== undefined) {
      known.count = count;
      return known;
    }
    return count > this.#threshold ? this.#add(name, count) : undefined;
  }

  /** Counts as if it had been read so often already. */
  seed(name: string, reads: number): T | undefined {
    const units = Math.min(CEILING, Math.max(1, Math.round(reads * UNIT)));
    const missing = units - this.#estimate(name);
    const count = missing > 0 ? this.#count(name, missing) : units;
    const known = this.#candidates.get(name);
    if (known !== undefined) {
      known.count = Math.max(known.count, count);
      return known;
    }
    return count > this.#threshold ? this.#add(name, count) : undefined;
  }

  get(name: string): T | undefined {
    return this.#candidates.get(name);
  }

  /** The most read keys, most first, with their estimated reads. */
  top(count: number): { readonly key: T; readonly reads: number }[] {
    return [...this.#candidates.values()]
      .sort((a, b) => b.count - a.count)
      .slice(0, count)
      .map((key) => ({ key, reads: key.count / UNIT }));
  }

  /** What was read before counts half. */
  halve(): void {
    const counters = this.#counters;
    for (let i = 0; i < counters.length; i++) counters[i] = (counters[i] as number) >>> 1;
    for (const candidate of this.#candidates.values()) candidate.count = Math.floor(candidate.count / 2);
    this.#threshold = Math.floor(this.#threshold / 2);
  }

  #count(name: string, by: number): number {
    const counters = this.#counters;
    const first = hash(name);
    const step = mix(first) | 1;
    const a = first % COLUMNS;
    const b = COLUMNS + (((first + step) >>> 0) % COLUMNS);
    const c = 2 * COLUMNS + (((first + 2 * step) >>> 0) % COLUMNS);
    const count = Math.min(counters[a] as number, counters[b] as number, counters[c] as number) + by;
    if ((counters[a] as number) < count) counters[a] = count;
    if ((counters[b] as number) < count) counters[b] = count;
    if ((counters[c] as number) < count) counters[c] = count;
    if (count > CEILING) {
      this.halve();
      return Math.floor(count / 2);
    }
    return count;
  }

  #estimate(name: string): number {
    const counters = this.#counters;
    const first = hash(name);
    const step = mix(first) | 1;
    return Math.min(
      counters[first % COLUMNS] as number,
      counters[COLUMNS + (((first + step) >>> 0) % COLUMNS)] as number,
      counters[2 * COLUMNS + (((first + 2 * step) >>> 0) % COLUMNS)] as number,
    );
  }

  #add(name: string, count: number): T {
    const candidate = this.#make(name, count);
    this.#candidates.set(name, candidate);
    this.#nameBytes += bytesOf(name);
    // A quarter more than wanted, so that sorting them out is rare.
    if (this.#candidates.size > 1.25 * this.#capacity || this.#nameBytes > MAX_NAME_BYTES) this.#sortOut();
    return candidate;
  }

  #sortOut(): void {
    const sorted = [...this.#candidates.values()].sort((a, b) => b.count - a.count);
    this.#candidates = new Map();
    this.#nameBytes = 0;
    for (const candidate of sorted) {
      const bytes = bytesOf(candidate.name);
      if (this.#candidates.size >= this.#capacity || this.#nameBytes + bytes > 0.8 * MAX_NAME_BYTES) {
        this.#threshold = Math.max(this.#threshold, candidate.count);
        this.#onDrop(candidate);
      } else {
        this.#candidates.set(candidate.name, candidate);
        this.#nameBytes += bytes;
      }
    }
  }
}

function bytesOf(name: string): number {
  return 2 * name.length + PLACE_BYTES;
}

/** FNV-1a over UTF-16 code units, finished by the mixer of MurmurHash3. */
function hash(name: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193);
  return mix(state);
}

function mix(value: number): number {
  let state = value ^ (value >>> 16);
  state = Math.imul(state, 0x85ebca6b);
  state ^= state >>> 13;
  state = Math.imul(state, 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
