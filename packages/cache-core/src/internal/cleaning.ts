import type { AtomicArgument, AtomicReply } from "../atomic-operation.ts";
import type { KeySpace } from "../key-space.ts";

/** So many writes earn one call. */
const CALL_EVERY = 48;
/** Members of the index that a write earns a look at: where some were dead lately, and where none were. */
const LOOKS = 3;
const IDLE_LOOKS = 1;
/** A larger share of dead members is worth more looks. */
const WORTH = 0.02;
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
  /** The share of the dead among the members of the index that were looked at lately: in so many looks that the walk has been round. */
  dead: number;
  /** The share of the dead among the members of tags that were looked at lately. */
  deadTagged: number;
}

/**
 * Cleans indexes and sets of tags as they are written to. Each write earns a look at three members of the index, which is
 * walked in order, or at one where nothing dies, and sometimes one at some members of its tags, drawn by lot. Where these are
 * dead, the script looks further by itself (see `prune-index.ts`). With rotating keys that keeps the dead below the living.
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
      dead: 1,
      deadTagged: 1,
    }));
  }

  /** One entry more was sent to the store. */
  noteWrite(key: string, tags: readonly string[]): void {
    const bucket = this.#keys.bucketOf(key);
    const owed = this.#owed[bucket] as Owed;
    owed.members = Math.min(MOST_MEMBERS, owed.members + looksOf(owed));
    const odds = owed.deadTagged > WORTH ? TAG_ODDS : IDLE_TAG_ODDS;
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
        const [whole, members, dead, tagged, deadTagged] = (await this.#run(bucket, args)) as number[] as [
          number,
          number,
          number,
          number,
          number,
        ];
        // The dead of an index lie together, and the walk meets them once in a round.
        if (members > 0) owed.dead += (dead / members - owed.dead) * Math.min(1, members / 4_096);
        if (tagged > 0) owed.deadTagged += (deadTagged / tagged - owed.deadTagged) * Math.min(1, tagged / 64);
        if (whole === 0) this.#onIncomplete();
      } while (owed.members >= CALL_EVERY * looksOf(owed));
    } catch {
      // Cleaning can wait; what is wrong with the store shows in the write itself.
    } finally {
      owed.running = false;
    }
  }
}

function looksOf({ dead }: Owed): number {
  return dead > WORTH ? LOOKS : IDLE_LOOKS;
}
