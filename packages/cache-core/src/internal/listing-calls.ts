import { countEntries } from "../scripts/count-entries.ts";
import { entryTimes } from "../scripts/entry-times.ts";
import { listEntries } from "../scripts/list-entries.ts";
import type { BucketCalls } from "./bucket-calls.ts";

/** Members of one page: about 3 ms of the server's time. */
const PAGE = 1_000;

/** Finds and counts entries by the indexes. */
export class ListingCalls {
  readonly #calls: BucketCalls;

  constructor(calls: BucketCalls) {
    this.#calls = calls;
  }

  /** The entries of a range or a tag, with their states; see `listEntries`. Maintenance: its cost follows the range. */
  async entries(kind: "range" | "tag", name: string): Promise<{ key: string; state: number }[]> {
    const pages = await Promise.all(
      this.#calls.buckets.map(async (bucket) => {
        const found = new Map<string, number>();
        let cursor = "";
        do {
          const reply = await this.#calls.runIn(listEntries, bucket, [kind, name, cursor, PAGE]);
          const [keys, states, next] = reply as [Buffer[], number[], Buffer];
          keys.forEach((key, i) => void found.set(key.toString("utf8"), states[i] as number));
          cursor = next.toString("utf8");
        } while (cursor !== "");
        return [...found].map(([key, state]) => ({ key, state }));
      }),
    );
    return pages.flat();
  }

  /** The first bytes of entries of one bucket, in the order of the keys; empty where there is none. */
  async heads(bucket: number, keys: readonly string[]): Promise<readonly Buffer[]> {
    return (await this.#calls.runIn(entryTimes, bucket, keys)) as readonly Buffer[];
  }

  /** Live entries in a range of keys. */
  async count(prefix: string, scopes: boolean): Promise<number> {
    const counts = await Promise.all(
      this.#calls.buckets.map(async (bucket) => {
        let total = 0;
        let cursor = "";
        do {
          const reply = await this.#calls.runIn(countEntries, bucket, [prefix, cursor, PAGE, scopes ? 1 : 0]);
          const [count, next] = reply as [number, Buffer];
          total += count;
          cursor = next.toString("utf8");
        } while (cursor !== "");
        return total;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }
}
