import { crc16 } from "./internal/crc16.ts";

/** Version of the stored format. Part of every key, so that two releases never read each other's bytes wrongly. */
export const FORMAT_VERSION = "1";

/**
 * Where everything of a namespace lies in the store. The table of names is in `docs/architecture.md`.
 *
 * A namespace is split over `buckets` groups. Each group has its entries, leases, index and tags under names with one
 * hash tag, therefore in one Cluster slot, so that a script can touch them together. With one bucket there is no tag.
 */
export class KeySpace {
  readonly base: string;
  readonly buckets: number;
  readonly #hashTags: readonly string[];
  readonly #entryPrefixes: readonly string[];

  constructor(namespace: string, buckets: number) {
    this.base = `${namespace}:${FORMAT_VERSION}`;
    this.buckets = buckets;
    this.#hashTags = buckets === 1 ? [""] : evenHashTags(buckets);
    this.#entryPrefixes = this.#hashTags.map((tag) => `${this.base}e${tag}:`);
  }

  /** The group of a key: spread by CRC16, and by nothing that a caller can align with the slots of the server. */
  bucketOf(key: string): number {
    return this.buckets === 1 ? 0 : crc16(key) % this.buckets;
  }

  /** `{…}` for a group; empty when there is only one. */
  hashTag(bucket: number): string {
    return this.#hashTags[bucket] as string;
  }

  entry(key: string): string {
    return this.#entryPrefixes[this.bucketOf(key)] + key;
  }

  entryPrefix(bucket: number): string {
    return this.#entryPrefixes[bucket] as string;
  }

  /** The hash of the leases that are out. */
  leases(bucket: number): string {
    return `${this.base}l${this.hashTag(bucket)}`;
  }

  index(bucket: number): string {
    return `${this.base}i${this.hashTag(bucket)}`;
  }

  /** The stream of invalidations. */
  get bus(): string {
    return `${this.base}b`;
  }

  /** The channel on which one process is told that a fill it waits for has ended. */
  wakeChannel(processId: string): string {
    return `${this.base}w:${processId}`;
  }
}

/** One hash tag for each of `count` equal ranges of the 16,384 slots, so that any even split of nodes is even. */
function evenHashTags(count: number): string[] {
  const tags: (string | undefined)[] = new Array(count).fill(undefined);
  let missing = count;
  for (let n = 0; missing > 0; n++) {
    const text = n.toString(36);
    const range = Math.floor(((crc16(text) % 16_384) * count) / 16_384);
    if (tags[range] === undefined) {
      tags[range] = `{${text}}`;
      missing--;
    }
  }
  return tags as string[];
}
