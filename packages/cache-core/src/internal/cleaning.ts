import type { AtomicArgument, AtomicReply } from "../atomic-operation.ts";
import type { KeySpace } from "../key-space.ts";

/** So many writes earn one call. */
const CALL_EVERY = 8;
/** Members that one call looks at, at most: about half a millisecond of the server's time. */
const MOST_MEMBERS = 480;
/** What is owed beyond this is forgiven: the store cannot follow. */
const MOST_OWED = 10 * MOST_MEMBERS;
/** Tags that wait for a call, at most; more come with the next writes. */
const MOST_TAGS = 64;

/** What cleaning of one bucket is owed by its writes. */
interface Owed {
  members: number;
  readonly tags: Map<string, number>;
  running: boolean;
  /** The share of the dead among what was looked at lately: members of the index, of tags. */
  deadMembers: number;
  deadTagged: number;
}

/**
 * Cleans indexes and sets of tags as they are written to. Each write earns a look at some members, the more the more of
 * them were dead lately: one to six of the index, which is walked in order, and up to six, drawn by lot, of each tag. With
 * rotating keys this settles where an eighth of an index and less than a third of a set is dead; where nothing dies it
 * costs little.
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
      deadMembers: 0.25,
      deadTagged: 0.25,
    }));
  }

  /** One entry more was sent to the store. */
  noteWrite(key: string, tags: readonly string[]): void {
    const bucket = this.#keys.bucketOf(key);
    const owed = this.#owed[bucket] as Owed;
    owed.members = Math.min(MOST_OWED, owed.members + Math.min(6, 1 + 20 * owed.deadMembers));
    if (tags.length > 0) {
      const each = Math.min(6, Math.max(0.1, 12 * owed.deadTagged));
      for (const tag of tags) {
        const known = owed.tags.get(tag);
        if (known === undefined && owed.tags.size >= MOST_TAGS) continue;
        const share = Math.floor(each + this.#random());
        if (share > 0) owed.tags.set(tag, Math.min(MOST_MEMBERS, (known ?? 0) + share));
      }
    }
    if (this.#writes++ % CALL_EVERY === 0 && !owed.running) void this.#clean(bucket, owed);
  }

  /** One call at a time a bucket, with all that is owed: many small ones would cost more. */
  async #clean(bucket: number, owed: Owed): Promise<void> {
    owed.running = true;
    try {
      do {
        const members = Math.min(MOST_MEMBERS, Math.floor(owed.members));
        const args: AtomicArgument[] = [members, ...[...owed.tags].flat()];
        owed.members -= members;
        owed.tags.clear();
        const [whole, looked, dead, lookedTagged, deadTagged] = (await this.#run(
          bucket,
          args,
        )) as number[] as [number, number, number, number, number];
        owed.deadMembers = follow(owed.deadMembers, looked, dead);
        owed.deadTagged = follow(owed.deadTagged, lookedTagged, deadTagged);
        if (whole === 0) this.#onIncomplete();
      } while (owed.members >= CALL_EVERY);
    } catch {
      // Cleaning can wait; what is wrong with the store shows in the write itself.
    } finally {
      owed.running = false;
    }
  }
}

/** A share that follows what was seen last, without jumping with each small sample. */
function follow(share: number, looked: number, dead: number): number {
  return looked === 0 ? share : share + (dead / looked - share) * Math.min(1, looked / 64);
}
