import type { EntryParts, ParsedEntry } from "../entry.ts";
import type { Fetcher } from "../fetcher.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";

/** What a fill needs to know. Keys and tags are full names. */
export interface FillRequest {
  readonly key: string;
  readonly fetcher: Fetcher<unknown>;
  readonly options: ResolvedEntryOptions;
  readonly tags: readonly string[];
  /** The scope's part of names, put before the tags that the fetcher adds. */
  readonly scopePrefix: string;
  /** The caller's name of the key. */
  readonly publicKey: string;
  /** An entry that is being replaced, if one is known. */
  readonly previous: ParsedEntry | undefined;
  /** Take a lease although an entry is fresh, unless it is newer than this (ms); -1: a fresh entry ends the matter. */
  readonly known: number;
  readonly background: boolean;
  /**
   * Whether somebody has looked for an entry. If not, the fill ends where there is one that is not fresh, or where it
   * cannot be known: what there is may be served.
   */
  readonly looked: boolean;
  /** Nobody wants the value but the store: without a lease it is not fetched. */
  readonly onlyToStore?: boolean | undefined;
  /** Aborts the fetcher's signal. */
  readonly signal?: AbortSignal | undefined;
}

/** How a fill ended. */
export type FillResult =
  /** Somebody's stored entry. */
  | { readonly kind: "entry"; readonly entry: ParsedEntry }
  /** Nobody had looked before, and there may be one that can be served, or nothing can be stored: whoever asks is to look. */
  | { readonly kind: "look" }
  /** The fetcher's value; `parts` when it was encoded. */
  | { readonly kind: "value"; readonly value: unknown; readonly stored: StoredParts | undefined }
  | { readonly kind: "error"; readonly error: unknown };

export interface StoredParts {
  readonly parts: EntryParts;
  readonly freshMs: number;
  readonly totalMs: number;
  readonly tags: readonly string[];
}

/**
 * A fill under way in this process. A caller may have its result if nothing that was acknowledged before the caller
 * came can be missing in it: always when the caller came before the moment from which the result is (`since`),
 * otherwise only when the store confirmed at the end that the lease had stood all the time (`confirmed`). Nobody joins
 * any more once the store was asked to confirm: its answer says nothing of what is invalidated while it travels.
 */
export class Flight {
  since: number = Number.POSITIVE_INFINITY;
  confirmed = false;
  /** Whether the store said that the lease stood no more: somebody wrote or invalidated the key, or its holder stalled. */
  refused = false;
  /** The lease that it got. */
  token: string | undefined;
  /** Whether there is an entry that it replaces: whoever comes may be served that, and looks first. */
  replaces: boolean;
  #missed: boolean;
  #onMissing: (() => void)[] | undefined;
  /** The entry that stood when the lease was granted: see `previousFor`. */
  previous: ParsedEntry | undefined;
  /** When that lease was asked for: the entry may have been invalidated by the time that its answer came. */
  #previousSince = Number.NEGATIVE_INFINITY;
  readonly result: Promise<FillResult>;

  constructor(request: FillRequest, run: (flight: Flight) => Promise<FillResult>) {
    this.replaces = request.previous !== undefined || request.known >= 0;
    this.#missed = request.looked;
    this.result = run(this);
  }

  /** Whether it is known that there is no fresh entry: before it began somebody looked, or the store has said so since. */
  get missed(): boolean {
    return this.#missed;
  }

  /** Calls `tell` as soon as that is known. */
  onMissing(tell: () => void): void {
    if (this.#missed) {
      tell();
    } else {
      this.#onMissing ??= [];
      this.#onMissing.push(tell);
    }
  }

  /** To be called when it is known. */
  miss(): void {
    this.#missed = true;
    const told = this.#onMissing ?? [];
    this.#onMissing = undefined;
    for (const tell of told) tell();
  }

  /** The lease is granted, where an entry stands. */
  replace(entry: ParsedEntry): void {
    this.previous = entry;
    this.#previousSince = this.since;
    this.replaces = true;
  }

  /**
   * What a caller that came at `arrival` may have in place of a value: an entry that stood after it came; or, if the lease
   * stood all the time, nothing that covers it was invalidated.
   */
  previousFor(arrival: number): ParsedEntry | undefined {
    return this.confirmed || arrival <= this.#previousSince ? this.previous : undefined;
  }

  /** Whether a caller that came at `arrival` may have the result. Asked after it has come. */
  serves(arrival: number): boolean {
    return this.confirmed || arrival <= this.since;
  }
}
