import { AsyncLocalStorage } from "node:async_hooks";
import type { KeySpace } from "@crm/cache-core";
import { LockBusyError, LockTimeoutError } from "../errors.ts";
import type { Lock } from "../lock.ts";
import { describeLock, type LockInfo } from "../lock-info.ts";
import { DEFAULTS, type LockOptions, type LocksOptions, resolveLockOptions } from "../options.ts";
import type { Hold } from "./hold.ts";
import type { LockEngine } from "./lock-engine.ts";
import { type LockKind, type LockPlace, placeOf } from "./lock-place.ts";
import { makeHandle } from "./make-handle.ts";

/** What is asked for: a kind of lock, its name, and how much of it. */
export interface Wanted {
  readonly kind: LockKind;
  readonly name: string;
  readonly permits: number;
  readonly limit: number;
}

/** Takes locks of every kind, and knows which ones the code around a call holds already. */
export class LockTaker {
  readonly engine: LockEngine;
  readonly #keys: KeySpace;
  readonly #prefix: string;
  readonly #defaults: LocksOptions;
  /** What `withLock` holds around the running code, by the first key of the lock. */
  readonly #around = new AsyncLocalStorage<ReadonlyMap<string, Hold>>();

  constructor(engine: LockEngine, keys: KeySpace, prefix: string, defaults: LocksOptions) {
    this.engine = engine;
    this.#keys = keys;
    this.#prefix = prefix;
    this.#defaults = defaults;
  }

  placeOf(kind: LockKind, name: string): LockPlace {
    return placeOf(this.#keys, kind, this.#prefix, name);
  }

  /** Rejects with `LockBusyError` or `LockTimeoutError` when others hold it. */
  async acquire(wanted: Wanted, options: LockOptions | undefined): Promise<Lock> {
    return makeHandle(await this.#take(wanted, options));
  }

  /** `null` when others hold it. Does not wait unless it is told to. */
  async tryAcquire(wanted: Wanted, options: LockOptions | undefined): Promise<Lock | null> {
    const hold = await this.#find(wanted, options, 0);
    return typeof hold === "object" ? makeHandle(hold) : null;
  }

  /**
   * Runs the function under the lock. Resolves or rejects as the function does: what goes wrong with the release is an
   * event and not the caller's result.
   */
  async within<T>(
    wanted: Wanted,
    options: LockOptions | undefined,
    body: (lock: Lock) => T | Promise<T>,
  ): Promise<T> {
    const hold = await this.#take(wanted, options);
    const lock = makeHandle(hold);
    const around = new Map(this.#around.getStore()).set(hold.place.keys[0], hold);
    try {
      return await this.#around.run(around, () => body(lock));
    } finally {
      await lock[Symbol.asyncDispose]();
    }
  }

  async inspect(kind: LockKind, name: string): Promise<LockInfo> {
    return describeLock(await this.engine.inspect(this.placeOf(kind, name)));
  }

  /** Resolves to how many held it. */
  force(kind: LockKind, name: string): Promise<number> {
    return this.engine.force(this.placeOf(kind, name));
  }

  async #take(wanted: Wanted, options: LockOptions | undefined): Promise<Hold> {
    const wait = this.#defaults.wait ?? DEFAULTS.wait;
    const found = await this.#find(wanted, options, wait);
    if (found === "busy") throw new LockBusyError(wanted.name);
    if (found === "timeout") {
      const { waitMs } = resolveLockOptions(options, this.#defaults, wait, wanted.kind);
      throw new LockTimeoutError(wanted.name, waitMs);
    }
    return found;
  }

  /** Throws, rather than rejects, what is wrong with the options. */
  #find(
    wanted: Wanted,
    options: LockOptions | undefined,
    wait: LockOptions["wait"] & {},
  ): Promise<Hold | "busy" | "timeout"> {
    const { kind, name, permits, limit } = wanted;
    const resolved = resolveLockOptions(options, this.#defaults, wait, kind);
    const place = this.placeOf(kind, name);
    if (resolved.reentrant) {
      resolved.signal?.throwIfAborted();
      const hold = this.#around.getStore()?.get(place.keys[0]);
      if (hold?.share()) return Promise.resolve(hold);
    }
    const { ttlMs, waitMs, signal, renew, durability } = resolved;
    return this.engine.acquire({ place, permits, limit, ttlMs, waitMs, signal, renew, durability });
  }
}
