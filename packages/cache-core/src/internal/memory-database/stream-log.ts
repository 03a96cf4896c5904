import type { StreamEntry } from "../../memory-database.ts";
import { ReplyError } from "./reply-error.ts";

interface StreamItem {
  readonly ms: number;
  readonly sequence: number;
  readonly bytes: number;
  readonly entry: StreamEntry;
}

/** An entry with its map, and a field with its buffer. */
const ENTRY_BYTES = 310;
const FIELD_BYTES = 140;

/** A capped log with ids `<ms>-<sequence>` that only grow, also when the clock goes back or the log is empty. */
export class StreamLog {
  #items: StreamItem[] = [];
  /** Trimmed items before this index are gone; the array is cut when they are half of it. */
  #head = 0;
  #lastMs = 0;
  #lastSequence = 0;
  #bytes = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Estimated bytes of the entries. */
  get bytes(): number {
    return this.#bytes;
  }

  append(nowMs: number, maxLength: number, fields: ReadonlyMap<string, Buffer>): string {
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs;
      this.#lastSequence = 0;
    } else this.#lastSequence++;
    const id = `${this.#lastMs}-${this.#lastSequence}`;
    let bytes = ENTRY_BYTES;
    for (const [name, value] of fields) bytes += FIELD_BYTES + name.length + value.length;
    this.#items.push({ ms: this.#lastMs, sequence: this.#lastSequence, bytes, entry: { id, fields } });
    this.#bytes += bytes;
    this.#trim(maxLength);
    return id;
  }

  range(low: StreamBound, high: StreamBound, count: number): StreamEntry[] {
    const [from, to] = this.#limits(low, high);
    return this.#items.slice(from, Math.min(to, from + count)).map((item) => item.entry);
  }

  /** As `range`, the newest first. */
  rangeReversed(low: StreamBound, high: StreamBound, count: number): StreamEntry[] {
    const [from, to] = this.#limits(low, high);
    const items = this.#items.slice(Math.max(from, to - count), to);
    return items.reverse().map((item) => item.entry);
  }

  #limits(low: StreamBound, high: StreamBound): [number, number] {
    const from = this.#position(low, low.exclusive);
    return [from, Math.max(from, this.#position(high, !high.exclusive))];
  }

  /** Index of the first item at or (`after`) after the id. */
  #position(id: StreamBound, after: boolean): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.#items[middle]!;
      const order = item.ms - id.ms || item.sequence - id.sequence;
      if (order < 0 || (after && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops what was appended before a moment. */
  trimBefore(ms: number): void {
    this.#dropUntil(this.#position({ ms, sequence: 0, exclusive: false }, false));
  }

  #trim(maxLength: number): void {
    this.#dropUntil(Math.max(this.#head, this.#items.length - maxLength));
  }

  #dropUntil(keepFrom: number): void {
    for (; this.#head < keepFrom; this.#head++) this.#bytes -= this.#items[this.#head]!.bytes;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** One end of a range of ids. */
export interface StreamBound {
  readonly ms: number;
  readonly sequence: number;
  readonly exclusive: boolean;
}

/** Reads `-`, `+`, `<ms>-<sequence>`, `<ms>` (the sequence is then `missingSequence`), and `(` before an id. */
export function parseStreamId(text: string, missingSequence: number): StreamBound {
  if (text === "-") return { ms: 0, sequence: 0, exclusive: false };
  if (text === "+") return { ms: Infinity, sequence: Infinity, exclusive: false };
  const match = /^(\()?(\d{1,20})(?:-(\d{1,20}))?$/.exec(text);
  if (match === null) throw new ReplyError("ERR Invalid stream ID specified as stream command argument");
  const sequence = match[3] === undefined ? missingSequence : Number(match[3]);
  return { ms: Number(match[2]), sequence, exclusive: match[1] !== undefined };
}
