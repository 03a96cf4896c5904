import { type Cache, type Duration, parseDuration, UndefinedValueError } from "@crm/cache-core";
import { StaleFenceError } from "./errors.ts";
import { fencedKey } from "./internal/lock-place.ts";
import { checkLockName } from "./options.ts";
import { checkFence } from "./postgres-guard.ts";
import { fencedRead } from "./scripts/fenced-read.ts";
import { fencedWrite } from "./scripts/fenced-write.ts";

/** A value with the fence of the holder that wrote it. */
export interface FencedValue<T = unknown> {
  readonly fence: number;
  readonly value: T;
}

/** Values in the store that only the latest holder of a lock can write. They are no cache entries: nothing invalidates them. */
export interface FencedValues {
  /**
   * Writes the value unless a higher fence was seen, in one atomic step. Resolves to whether it was written. `ttl` says how long
   * value *and fence* are kept at least: longer than any holder can be paused. Of several calls the longest one counts.
   */
  write<T>(resource: string, value: T, fence: number, ttl: Duration): Promise<boolean>;
  /** The value, or `null` when there is none. */
  read<T = unknown>(resource: string): Promise<FencedValue<T> | null>;
  /**
   * Notes the fence without a value, for resources that lie elsewhere. Rejects with `StaleFenceError` when a higher one was
   * seen. It cannot keep the holder from being paused between this check and its work: where the resource can check itself,
   * let it.
   */
  check(resource: string, fence: number, ttl: Duration): Promise<void>;
}

/** Makes fenced values over the store of a cache, in its scope. They reject with `StoreUnavailableError` when it is away. */
export function createFencedValues(cache: Cache): FencedValues {
  const { store, keys, codec, prefix } = cache.internals;
  const keyOf = (resource: unknown): string => fencedKey(keys, prefix, checkLockName(resource, "resource"));

  async function offer(
    key: string,
    fence: number,
    ttlMs: number,
    value: Buffer | undefined,
  ): Promise<boolean> {
    const args = [String(fence), ttlMs, value === undefined ? "0" : "1", value ?? ""];
    const reply = await store.run(fencedWrite, [key], args, { deadlineMs: 0 });
    return Array.isArray(reply) && reply[0] === 1;
  }

  return {
    async write(resource, value, fence, ttl) {
      const key = keyOf(resource);
      checkFence(fence);
      const ttlMs = parseDuration(ttl, "ttl");
      if (value === undefined) throw new UndefinedValueError({ key: resource });
      const { bytes, hint } = codec.encode(value);
      const payload = Buffer.concat([
        Buffer.from([hint]),
        typeof bytes === "string" ? Buffer.from(bytes) : bytes,
      ]);
      return offer(key, fence, ttlMs, payload);
    },

    async read<T>(resource: string): Promise<FencedValue<T> | null> {
      const reply = await store.run(fencedRead, [keyOf(resource)], [], { deadlineMs: 0 });
      const [fence, stored] = reply as [number, Buffer | null];
      if (stored === null || stored.length === 0) return null;
      return { fence, value: codec.decode(stored.subarray(1), stored[0] as number) as T };
    },

    async check(resource, fence, ttl) {
      const key = keyOf(resource);
      checkFence(fence);
      if (!(await offer(key, fence, parseDuration(ttl, "ttl"), undefined))) {
        throw new StaleFenceError(resource, fence);
      }
    },
  };
}
