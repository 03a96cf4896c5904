import type { AtomicReply } from "../atomic-operation.ts";
import { StoreUnavailableError } from "../errors.ts";
import { invalidateKeys } from "../scripts/invalidate-keys.ts";
import { invalidateRange } from "../scripts/invalidate-range.ts";
import { invalidateTag } from "../scripts/invalidate-tag.ts";
import type { BucketCalls } from "./bucket-calls.ts";
import type { BusWrites } from "./bus-writes.ts";
import type { CoverageParts, CoveredRange } from "./coverage.ts";
import { eachOf } from "./each-of.ts";
import type { Repair } from "./repair.ts";

/** Keys of one page of an invalidation: about 3 ms of the server's time. */
const PAGE = 1_000;
/** Full pages under way at once: each has to be answered within the deadline of an invalidation, though it waits for the others. */
const PAGES_AT_ONCE = 16;

/** Applies invalidations in the store, and tells the bus. */
export class InvalidationCalls {
  readonly #calls: BucketCalls;
  readonly #bus: BusWrites;
  readonly #repair: Repair;
  /** Invalidations whose record is on the bus already, should they be tried again. */
  readonly #recorded = new WeakSet<CoverageParts>();

  constructor(calls: BucketCalls, bus: BusWrites, repair: Repair) {
    this.#calls = calls;
    this.#bus = bus;
    this.#repair = repair;
  }

  /**
   * Applies an invalidation everywhere and tells the bus. Resolves to the number of entries it met. `outcome` makes the record
   * that goes with the message where that follows the last step.
   */
  async apply(coverage: CoverageParts, outcome?: (removed: number) => object): Promise<number> {
    const { keys, tags, ranges, soft, record } = coverage;
    const steps = (keys.length > 0 ? 1 : 0) + tags.length + ranges.length;
    const inline = this.#calls.inline && this.#calls.keys.buckets === 1 && steps === 1 && keys.length <= PAGE;
    // In more than one step: the record comes first, so that what is removed is on record wherever the process ends.
    if (record !== undefined && !inline && !this.#recorded.has(coverage)) {
      await this.#bus.appendRecord(record);
      this.#recorded.add(coverage);
    }
    const inlineMessage = inline ? this.#bus.message(coverage) : "";
    const mode = soft ? (steps > 1 || record !== undefined ? 2 : 1) : 0;
    let count = 0;
    if (keys.length > 0) count += await this.#invalidateKeys(keys, mode, inlineMessage);
    const removals = [
      ...tags.map((tag) => () => this.#invalidateTag(tag, mode, inlineMessage)),
      ...ranges.map((range) => () => this.#invalidateRange(range, mode, inlineMessage)),
    ];
    for (const removed of await eachOf(removals, (remove) => remove())) count += removed;
    if (!inline)
      await this.#bus.tell(this.#bus.message({ keys, tags, ranges, soft, record: outcome?.(count) }));
    return count;
  }

  async #invalidateKeys(keys: readonly string[], mode: number, inlineMessage: string): Promise<number> {
    const pages: { readonly bucket: number; readonly keys: readonly string[] }[] = [];
    for (const [bucket, group] of this.#calls.group(keys, (key) => key)) {
      for (let i = 0; i < group.length; i += PAGE) pages.push({ bucket, keys: group.slice(i, i + PAGE) });
    }
    const counts = await eachOf(
      pages,
      (page) => {
        const args = [mode, inlineMessage, this.#bus.ttlMs, this.#bus.limit, ...page.keys];
        return this.#calls.runIn(invalidateKeys, page.bucket, args) as Promise<number>;
      },
      PAGES_AT_ONCE,
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #invalidateTag(tag: string, mode: number, inlineMessage: string): Promise<number> {
    return this.#everywhere(mode, (bucket, cursor) => {
      const at = cursor === "" ? "0" : cursor;
      return this.#calls.runIn(invalidateTag, bucket, [
        ...[mode, inlineMessage, this.#bus.ttlMs, this.#bus.limit],
        ...[tag, at, PAGE],
      ]);
    });
  }

  #invalidateRange(range: CoveredRange, mode: number, inlineMessage: string): Promise<number> {
    const { prefix, skip, glob, scopes } = range;
    return this.#everywhere(mode, (bucket, cursor) =>
      this.#calls.runIn(invalidateRange, bucket, [
        ...[mode, inlineMessage, this.#bus.ttlMs, this.#bus.limit],
        ...[prefix, Buffer.byteLength(skip), glob, cursor, PAGE, scopes ? 1 : 0],
      ]),
    );
  }

  /**
   * Runs a paged step in every bucket. A bucket whose index may lack members is completed and visited again: what the
   * first visit could not see was there before the call, so it has to go before the call is acknowledged. That holds
   * also when the repair found nothing: another one, of this process or not, may have registered it since the visit.
   */
  async #everywhere(
    mode: number,
    step: (bucket: number, cursor: string) => Promise<AtomicReply>,
  ): Promise<number> {
    const counts = await Promise.all(
      this.#calls.buckets.map(async (bucket) => {
        let total = 0;
        let complete = false;
        for (let round = 0; ; round++) {
          let verified = 1;
          let cursor = "";
          // What is marked stale is still there, and met again.
          if (mode === 1) total = 0;
          do {
            const [count, next, whole] = (await step(bucket, cursor)) as [number, Buffer, number];
            total += count;
            verified = Math.min(verified, whole);
            cursor = next.toString("utf8");
          } while (cursor !== "");
          if (verified === 1 || complete) return total;
          // What vanishes faster than it is found again cannot hold the caller for ever, and is not acknowledged.
          if (round === 4) throw new StoreUnavailableError({ operation: "repair", reason: "error" });
          complete = (await this.#repair.complete()) === 0;
        }
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }
}
