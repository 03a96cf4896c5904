import { appendBus } from "../scripts/append-bus.ts";
import { type BucketCalls, PATIENT } from "./bucket-calls.ts";
import { type CoverageParts, encodeMessage } from "./coverage.ts";

/** Invalidations that the bus remembers, unless somebody keeps a history on it. */
const BUS_LIMIT = 1_000;
const NOTHING: CoverageParts = { keys: [], tags: [], ranges: [], soft: false };

/** What this process says on the bus, and how much and how long the bus keeps. */
export class BusWrites {
  readonly #calls: BucketCalls;
  readonly #defaultTtlMs: number;
  #longestTtlMs = 0;
  #limit: number | string = BUS_LIMIT;

  constructor(calls: BucketCalls, defaultTtlMs: number) {
    this.#calls = calls;
    this.#defaultTtlMs = defaultTtlMs;
  }

  /** What the bus keeps: a number of messages, or `<messages>:<ms>`. */
  get limit(): number | string {
    return this.#limit;
  }

  /** Nothing on the bus matters longer than the longest-lived entry. */
  get ttlMs(): number {
    return this.#longestTtlMs === 0 ? this.#defaultTtlMs : this.#longestTtlMs;
  }

  /** An entry was written that lives so long. */
  noteTtl(ms: number): void {
    if (ms > this.#longestTtlMs) this.#longestTtlMs = ms;
  }

  /** From now on this process sees to it that the bus keeps so much. */
  keepHistory(messages: number, ageMs: number): void {
    this.#limit = `${Math.max(BUS_LIMIT, messages)}:${ageMs}`;
  }

  message(coverage: CoverageParts): string {
    return encodeMessage(this.#calls.processId, coverage);
  }

  async tell(message: string): Promise<void> {
    const { store, keys } = this.#calls;
    await store.run(appendBus, [keys.bus, keys.bus], ["", "", message, this.ttlMs, this.limit], PATIENT);
  }

  /** Puts a record onto the bus that invalidates nothing. */
  async appendRecord(record: object): Promise<void> {
    await this.tell(this.message({ ...NOTHING, record }));
  }
}
