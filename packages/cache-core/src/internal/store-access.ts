import type { Clock } from "../clock.ts";
import type { KeySpace } from "../key-space.ts";
import { pruneIndex } from "../scripts/prune-index.ts";
import type { Store } from "../store.ts";
import { BucketCalls } from "./bucket-calls.ts";
import { BusWrites } from "./bus-writes.ts";
import { Cleaning } from "./cleaning.ts";
import { InvalidationCalls } from "./invalidation-calls.ts";
import { LeaseCalls } from "./lease-calls.ts";
import { ListingCalls } from "./listing-calls.ts";
import { PutCalls } from "./put-calls.ts";
import { Repair } from "./repair.ts";

/** Everything that a cache asks of its store, by what it is for. */
export class StoreAccess {
  readonly store: Store;
  readonly keys: KeySpace;
  /** Names this cache on the bus and on its wake channel. */
  readonly processId: string;
  readonly leases: LeaseCalls;
  readonly puts: PutCalls;
  readonly invalidations: InvalidationCalls;
  readonly listing: ListingCalls;
  readonly bus: BusWrites;
  readonly #repair: Repair;

  constructor(
    store: Store,
    keys: KeySpace,
    defaultTtlMs: number,
    onBackgroundError: (where: string, error: unknown) => void,
    clock: Clock,
    random: () => number,
  ) {
    const calls = new BucketCalls(store, keys);
    const bus = new BusWrites(calls, defaultTtlMs);
    const repair = new Repair(store, keys, () => bus.ttlMs, onBackgroundError);
    const cleaning = new Cleaning(
      keys,
      (bucket, args) => calls.runIn(pruneIndex, bucket, args),
      random,
      () => repair.checkInBackground(),
    );
    const noteWrite: ConstructorParameters<typeof LeaseCalls>[2] = ({ key, totalMs, tags }) => {
      bus.noteTtl(totalMs);
      cleaning.noteWrite(key, tags);
    };
    this.store = store;
    this.keys = keys;
    this.processId = calls.processId;
    this.leases = new LeaseCalls(calls, clock, noteWrite);
    this.puts = new PutCalls(calls, bus, noteWrite);
    this.invalidations = new InvalidationCalls(calls, bus, repair);
    this.listing = new ListingCalls(calls);
    this.bus = bus;
    this.#repair = repair;
  }

  /** The store answers again: gives back what could not be given back, and looks at the indexes. */
  wake(): void {
    this.leases.wake();
    this.checkIndexes();
  }

  /** Looks whether the indexes are complete, and completes them if not. In the background. */
  checkIndexes(): void {
    this.#repair.checkInBackground();
  }

  close(): void {
    this.#repair.close();
    this.leases.close();
  }
}
