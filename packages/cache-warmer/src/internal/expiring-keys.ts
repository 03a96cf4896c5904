import { CacheClosedError, type CacheInternals } from "@crm/cache-core";
import { ExpiryIndex } from "./expiry-index.ts";
import type { TaskBook } from "./task-book.ts";
import type { TaskRecord } from "./task-record.ts";

/** What is to be loaded again, and as of when that was known. */
export interface DueTasks {
  /** Highest priority first. */
  readonly records: readonly TaskRecord[];
  /** The keys, by task or family. */
  readonly keys: ReadonlyMap<TaskRecord, readonly string[]>;
  /** Ms of the store's clock. */
  readonly lookedAt: number;
}

/** Keys that a family lists. */
export interface KeyListing {
  add(key: string): void;
  /** All have been listed and loaded. */
  end(): void;
}

/** When what was warmed expires: kept as loads end, asked of the store where somebody else may have changed it. */
export class ExpiringKeys {
  readonly #internals: CacheInternals;
  readonly #book: TaskBook;
  readonly #index = new ExpiryIndex();
  #listings = 0;

  constructor(internals: CacheInternals, book: TaskBook) {
    this.#internals = internals;
    this.#book = book;
  }

  /** A key is fresh now, until then. */
  note(record: TaskRecord, key: string, freshUntil: number): void {
    if (record.fetcher !== undefined) {
      if (this.#book.get(key) !== record) return;
      record.indexed = true;
    }
    this.#index.set(record, key, freshUntil, this.#listings);
  }

  /** A family begins to list its keys. What it has listed no more when it `ends` is forgotten: keys may come and go for ever. */
  list({ name }: TaskRecord): KeyListing {
    const listing = ++this.#listings;
    return {
      add: (key) => {
        const known = this.#index.get(key);
        if (known !== undefined) known.listing = listing;
      },
      end: () => this.#index.deleteUnlisted(name, listing),
    };
  }

  /** Somebody else wrote, filled or removed the key: what the index knows of it may be wrong. */
  doubt(key: string): void {
    const record = this.#book.get(key);
    if (record?.indexed === true) this.#book.doubt(record);
  }

  forget(key: string): void {
    this.#index.delete(key);
  }

  /** A task or a family is gone, with its keys. */
  forgetAll({ name, fetcher }: TaskRecord): void {
    if (fetcher === undefined) this.#index.deleteUnlisted(name, Number.POSITIVE_INFINITY);
    else this.#index.delete(name);
  }

  /** The family that has warmed a key. */
  familyOf(key: string): string | undefined {
    const record = this.#index.get(key)?.record;
    return record?.settings.family === undefined ? undefined : record.name;
  }

  /** Takes out what expires within so many ms. Rejects with `CacheClosedError`. */
  async due(withinMs: number): Promise<DueTasks> {
    await this.#learn();
    const { store, keys: names, prefix } = this.#internals;
    const now = store.serverNow(names.entry(`${prefix}x`));
    const keys = new Map<TaskRecord, string[]>();
    for (const { record, key, freshUntil } of this.#index.takeDue(now + withinMs)) {
      const current = this.#book.get(record.name);
      if (current === undefined) continue;
      // In its place until the load says otherwise, so that what fails is due again.
      this.#index.set(current, key, freshUntil, this.#listings);
      const known = keys.get(current);
      if (known === undefined) keys.set(current, [key]);
      else known.push(key);
    }
    const records = [...keys.keys()].sort((a, b) => b.settings.priority - a.settings.priority);
    return { records, keys, lookedAt: now };
  }

  /** Asks the store about tasks that the index does not know: once each, until somebody changes them. */
  async #learn(): Promise<void> {
    const unknown = this.#book.takeDoubted();
    if (unknown.length === 0) return;
    const internals = this.#internals;
    try {
      const times = await internals.times(unknown.map(({ name }) => name));
      unknown.forEach((record, at) => {
        const entry = times[at];
        if (entry == null) this.#index.delete(record.name);
        else this.note(record, record.name, entry.freshUntil);
      });
    } catch (error) {
      for (const record of unknown) this.#book.doubt(record);
      if (CacheClosedError.isInstance(error)) throw error;
      internals.logger.warn(
        { err: error },
        "The store did not say when entries expire; what is known is used",
      );
    }
  }
}
