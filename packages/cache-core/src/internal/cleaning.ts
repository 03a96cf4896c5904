import type { AtomicArgument, AtomicReply } from "../atomic-operation.ts";
import type { KeySpace } from "../key-space.ts";

/** So many writes earn one call, and each of them a look at one member of the index. */
const CALL_EVERY = 48;
/** Members of a tag that are looked at together. */
const TAG_LOOKS = 8;
/** How likely a write earns such a look at each of its tags: where some were dead lately, and where none were. */
const TAG_ODDS = 3 / 8;
const IDLE_TAG_ODDS = 1 / 32;
/** Members that one call is asked to look at, at most: about half a millisecond of the server's time. More is forgiven. */
const MOST_MEMBERS = 480;
/** Tags that wait for a call, at most; more come with the next writes. */
const MOST_TAGS = 64;

/** What cleaning of one bucket is owed by its writes. */
interface Owed {
  members: number;
  readonly tags: Map<string, number>;
  running: boolean;
  /** The share of the dead among the members of tags that were looked at lately. */
  deadTagged: number;
}

/**
 * Cleans indexes and sets of tags as they are written to. Each write earns a look at one member of the index, which is
 * walked in order, and sometimes one at some members of its tags, drawn by lot. Where these are dead, the script looks further
 * by itself (see `prune-index.ts`). With rotating keys that keeps the dead below the living.
 */
export class Cleaning {
  readonly #keys: KeySpace;
  readonly #run: (bucket: number, args: readonly AtomicArgument[]) => Promise<AtomicReply>;
  readonly #random: () => number;
  readonly #onIncomplete: () => void;
  readonly #owed: Owed[];
  #writes = 0;

  /** `run` runs `pruneIndex` in a bucket; `onIncomplete` is told of an index that may lack members. */
  constructor(
    keys: KeySpace,
    run: (bucket: number, args: readonly AtomicArgument[]) => Promise<AtomicReply>,
    random: () => number,
    onIncomplete: () => void,
  ) {
    this.#keys = keys;
    this.#run = run;
    this.#random = random;
    this.#onIncomplete = onIncomplete;
    this.#owed = Array.from({ length: keys.buckets }, () => ({
      members: 0,
      tags: new Map(),
      running: false,
      deadTagged: 1,
    }));
  }

  /** One entry more was sent to the store. */
  noteWrite(key: string, tags: readonly string[]): void {
    const bucket = this.#keys.bucketOf(key);
    const owed = this.#owed[bucket] as Owed;
    owed.members = Math.min(MOST_MEMBERS, owed.members + 1);
    const odds = owed.deadTagged > 0.02 ? TAG_ODDS : IDLE_TAG_ODDS;
    for (const tag of tags) {
      if (this.#random() >= odds) continue;
      const known = owed.tags.get(tag);
      if (known === undefined && owed.tags.size >= MOST_TAGS) continue;
      owed.tags.set(tag, Math.min(MOST_MEMBERS, (known ?? 0) + TAG_LOOKS));
    }
    if (this.#writes++ % CALL_EVERY === 0 && !owed.running) void this.#clean(bucket, owed);
  }

  /** One call at a time a bucket, with all that is owed: many small ones would cost more. */
  async #clean(bucket: number, owed: Owed): Promise<void> {
    owed.running = true;
    try {
      do {
        // All at least a page: the first writes of a process clean up after those before it.
        const args: AtomicArgument[] = [Math.max(CALL_EVERY, owed.members), ...[...owed.tags].flat()];
        owed.members = 0;
        owed.tags.clear();
        const [whole, , , looked, dead] = (await this.#run(bucket, args)) as number[] as [
          number,
          number,
          number,
          number,
          number,
        ];
        if (looked > 0) owed.deadTagged += (dead / looked - owed.deadTagged) * Math.min(1, looked / 64);
        if (whole === 0) this.#onIncomplete();
      } while (owed.members >= CALL_EVERY);
    } catch {
      // Cleaning can wait; what is wrong with the store shows in the write itself.
    } finally {
      owed.running = false;
    }
  }
}
