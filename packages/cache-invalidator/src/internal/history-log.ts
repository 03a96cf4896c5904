import type { Cache, EntityEvent, StreamMessage } from "@crm/cache-core";
import { readBus } from "../scripts/read-bus.ts";
import { HistoryIndex } from "./history-index.ts";
import { LocalHistory } from "./local-history.ts";
import { readMessages } from "./read-messages.ts";
import { type HistoryRecord, readRecord, toHistory, type WireRecord } from "./records.ts";

/** What `queryHistory` looks for; everything given has to match. */
export interface HistoryFilter {
  readonly event?: EntityEvent | undefined;
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly actor?: string | undefined;
  readonly cause?: string | undefined;
  readonly instance?: string | undefined;
  /** Not older than this; nor newer than `until`. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** How many at most, 1 to 100,000. @default 100 */
  readonly limit?: number | undefined;
}

const PAGE = 1_000;
const IDS_OF_ONE_READ = 200;
/** Between a record's time and its place on the bus lie at most this much, but for one that was retried. */
const SLACK_MS = 5_000;
const MAX_SILENCE_MS = 1_000;
/** Messages, and characters of them, that wait at most until they are read. */
const MAX_UNREAD = 2_000;
const MAX_UNREAD_CHARACTERS = 2_000_000;
/** Between two attempts to load the history from a store that does not answer. */
const RETRY_MS = 250;

export interface HistoryLogOptions {
  readonly localRecords: number;
  readonly maxRecords: number;
  readonly maxAgeMs: number;
}

/** The history: its local copy, which follows the bus, and searches in the whole. */
export class HistoryLog {
  readonly #local: LocalHistory;
  readonly #internals: Cache["internals"];
  readonly #options: HistoryLogOptions;
  readonly #bus: string;
  readonly #follower: { started: Promise<void>; stop(): Promise<void> };
  #index: HistoryIndex;
  #indexed = false;
  /** What has come, and is read when somebody asks: by then most records have an outcome that repeats them. */
  #unread: StreamMessage[] = [];
  #unreadCharacters = 0;
  /** The history is being loaded, and what comes waits for that. */
  #isLoading = true;
  #loading: Promise<void>;
  #cancelRetry: () => void = () => {};
  #closed = false;

  constructor(cache: Cache, options: HistoryLogOptions) {
    this.#internals = cache.internals;
    this.#options = options;
    this.#bus = cache.internals.keys.bus;
    this.#local = new LocalHistory(options.localRecords);
    this.#index = new HistoryIndex(2 * options.maxRecords);
    this.#follower = this.#internals.store.follow(
      this.#bus,
      { onEntries: (entries) => this.#follow(entries), onGap: () => this.#onGap() },
      { maxSilenceMs: MAX_SILENCE_MS },
    );
    this.#loading = this.#load();
  }

  /** The copy, with everything that has come. */
  get local(): LocalHistory {
    this.#readUnread();
    return this.#local;
  }

  /** Resolves when the copy has been loaded, or the store did not answer. */
  async ready(): Promise<void> {
    const { store } = this.#internals;
    await store.ready();
    if (store.available) await this.#loading;
  }

  /** Now, by the server's clock. */
  now(): number {
    return this.#internals.store.serverNow(this.#bus);
  }

  /** Sees to it that records are dated by the server's clock and not by this machine's; without an answer they are. */
  async learnTime(): Promise<void> {
    await this.#internals.store.giveUpAt(this.#bus).catch(() => {});
  }

  /** The latest records that this process knows of, newest first. */
  latest(count: number): HistoryRecord[] {
    return this.local.latest(count, this.now() - this.#options.maxAgeMs);
  }

  async query(filter: HistoryFilter): Promise<HistoryRecord[]> {
    const limit = filter.limit ?? 100;
    const found: HistoryRecord[] = [];
    for await (const wire of this.units(filter)) {
      for (const record of toHistory(wire).reverse()) {
        if (this.#matches(record, filter)) found.push(record);
      }
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** Units that may match, newest first, each once, with its outcome where there is one. */
  async *units(filter: HistoryFilter): AsyncGenerator<WireRecord> {
    const newestFirst = (one: WireRecord, other: WireRecord): number => other.ts - one.ts;
    let waiting: WireRecord[] = [];
    let latestMs = 0;
    for await (const [id, wire] of this.#byPlace(filter)) {
      // An outcome lies behind those of units that began later. What is to come lies before this message, and began before it.
      const ms = Number.parseInt(id, 10);
      if (latestMs > ms) {
        yield* waiting.filter(({ ts }) => ts > ms).sort(newestFirst);
        waiting = waiting.filter(({ ts }) => ts <= ms);
        latestMs = 0;
        for (const { ts } of waiting) latestMs = Math.max(latestMs, ts);
      }
      waiting.push(wire);
      latestMs = Math.max(latestMs, wire.ts);
    }
    yield* waiting.sort(newestFirst);
  }

  /** The same with their messages, in the order of the bus, the last first. */
  async *#byPlace(filter: HistoryFilter): AsyncGenerator<[id: string, wire: WireRecord]> {
    this.#readUnread();
    const oldestMs = this.now() - this.#options.maxAgeMs;
    const seen = new Set<string>();
    const isNext = (wire: WireRecord | null): wire is WireRecord =>
      wire !== null && wire.ts >= oldestMs && !seen.has(wire.id);
    const index = this.#indexed ? this.#index : undefined;
    const known = index?.newest;
    // What the index has not heard of yet; without one, everything.
    for (let end = "+", page = index === undefined ? PAGE : 50; ; page = PAGE) {
      const messages = await this.#readRecords([end, page]);
      for (const [id, wire] of messages) {
        if (known !== undefined && !isAfter(id, known)) break;
        if (!isNext(wire)) continue;
        seen.add(wire.id);
        yield [id, wire];
      }
      const last = messages.at(-1)?.[0];
      if (messages.length < page || last === undefined || (known !== undefined && !isAfter(last, known)))
        break;
      end = `(${last}`;
    }
    if (index === undefined) return;
    const sinceMs = Math.max(oldestMs, (filter.since?.getTime() ?? 0) - SLACK_MS);
    let ids: string[] = [];
    const take = async (): Promise<[string, WireRecord][]> => {
      const messages = await this.#readRecords(["", 0, ...ids]);
      ids = [];
      return messages.flatMap(([id, wire]): [string, WireRecord][] => {
        if (!isNext(wire)) return [];
        seen.add(wire.id);
        return [[id, wire]];
      });
    };
    for (const id of index.find({ ...filter, sinceMs })) {
      if (ids.push(id) >= IDS_OF_ONE_READ) yield* await take();
    }
    if (ids.length > 0) yield* await take();
    // Events that were sent together fill the index before it knows as many invalidations as are kept.
    if (index.oldest === undefined || index.units >= this.#options.maxRecords) return;
    for (let end = index.oldest; ; ) {
      const messages = await this.#readRecords([end, PAGE]);
      for (const [id, wire] of messages) {
        if (Number.parseInt(id, 10) < sinceMs) return;
        if (!isNext(wire)) continue;
        seen.add(wire.id);
        yield [id, wire];
      }
      const last = messages.at(-1)?.[0];
      if (messages.length < PAGE || last === undefined) return;
      end = `(${last}`;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    await this.#follower.stop();
    await this.#loading;
  }

  #matches(record: HistoryRecord, filter: HistoryFilter): boolean {
    for (const field of ["event", "entityType", "entityId", "actor", "cause", "instance"] as const) {
      if (filter[field] !== undefined && record[field] !== filter[field]) return false;
    }
    const at = record.timestamp.getTime();
    return (
      at >= (filter.since?.getTime() ?? 0) && at <= (filter.until?.getTime() ?? Number.POSITIVE_INFINITY)
    );
  }

  #follow(entries: readonly StreamMessage[]): void {
    for (const entry of entries) {
      this.#unread.push(entry);
      this.#unreadCharacters += entry.message?.length ?? 0;
    }
    if (this.#unread.length >= MAX_UNREAD || this.#unreadCharacters >= MAX_UNREAD_CHARACTERS) {
      this.#readUnread();
    }
  }

  #readUnread(): void {
    if (this.#isLoading || this.#unread.length === 0) return;
    const messages = this.#unread;
    this.#unread = [];
    this.#unreadCharacters = 0;
    for (const { id, indexed, noted } of readMessages(messages, this.#internals.prefix)) {
      if (this.#index.add(id, indexed) && noted !== null) this.#local.add(noted);
    }
  }

  /** Something was missed: what is there is read anew. */
  #onGap(): void {
    // What came before belongs to the old index; behind a new one it would count as known.
    this.#readUnread();
    this.#indexed = false;
    this.#loadAgain();
  }

  #loadAgain(): void {
    this.#isLoading = true;
    this.#loading = this.#loading.then(() => this.#load());
  }

  async #load(): Promise<void> {
    if (this.#closed) return;
    this.#isLoading = true;
    try {
      await this.#follower.started;
      const heard = this.#index.newest;
      const index = new HistoryIndex(2 * this.#options.maxRecords);
      // From the oldest on, a page at a time: of a million records only the latest are ever in memory.
      let recent: { wire: WireRecord; isNew: boolean }[] = [];
      for (let start = "-"; !this.#closed; ) {
        const messages = await this.#read([`>${start}`, PAGE]);
        for (const { id, indexed, noted } of readMessages(messages, this.#internals.prefix)) {
          index.add(id, indexed);
          if (noted !== null) recent.push({ wire: noted, isNew: isAfter(id, heard) });
        }
        recent = recent.slice(-2 * this.#options.localRecords);
        if (messages.length < PAGE) break;
        start = `(${index.newest}`;
      }
      this.#index = index;
      this.#local.load(recent);
      this.#indexed = true;
    } catch {
      // The store is away. Until it answers, searches read page by page. Commands have a connection of their own: it may
      // come back after the one that told of the gap.
      this.#retry();
    } finally {
      this.#isLoading = false;
      this.#follow([]);
    }
  }

  #retry(): void {
    this.#cancelRetry();
    if (this.#closed) return;
    this.#cancelRetry = this.#internals.clock.after(RETRY_MS, () => this.#loadAgain());
  }

  async #readRecords(args: (string | number)[]): Promise<[string, WireRecord | null][]> {
    const { prefix } = this.#internals;
    return (await this.#read(args)).map(({ id, message }) => [id, readRecord(message, prefix)]);
  }

  async #read(args: (string | number)[]): Promise<StreamMessage[]> {
    const { store } = this.#internals;
    const reply = (await store.run(readBus, [this.#bus], args, { deadlineMs: 0 })) as [Buffer, Buffer][];
    return reply.map(([id, message]) => ({ id: id.toString("utf8"), message: message.toString("utf8") }));
  }
}

/** Whether one stream id lies after another. */
function isAfter(id: string, other: string): boolean {
  const [ms = 0, count = 0] = id.split("-").map(Number);
  const [otherMs = 0, otherCount = 0] = other.split("-").map(Number);
  return ms > otherMs || (ms === otherMs && count > otherCount);
}
