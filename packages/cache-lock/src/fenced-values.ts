import {
  type Cache,
  type Duration,
  parseDuration,
  StoreReplyError,
  UndefinedValueError,
} from "@crm/cache-core";
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
  /** The value, or `null` when there is none; what is damaged is none, with a warning. */
  read<T = unknown>(resource: string): Promise<FencedValue<T> | null>;
  /**
   * Notes the fence without a value, for resources that lie elsewhere. Rejects with `StaleFenceError` when a higher one was
   * seen. It cannot keep the holder from being paused between this check and its work: where the resource can check itself,
   * let it.
   */
  check(resource: string, fence: number, ttl: Duration): Promise<void>;
}

/**
 * Makes fenced values over the store of a cache, in its scope. They reject with `StoreUnavailableError` when it is away, and writes with
 * `StoreReplyError` where the fence that was seen is damaged: then nobody can say who is stale.
 */
export function createFencedValues(cache: Cache): FencedValues {
  const { store, keys, codec, prefix, logger } = cache.internals;
  const keyOf = (resource: unknown): string => fencedKey(keys, prefix, checkLockName(resource, "resource"));

  async function offer(
    key: string,
    fence: number,
    ttlMs: number,
    value: Buffer | undefined,
  ): Promise<boolean> {
    const args = [String(fence), ttlMs, value === undefined ? "0" : "1", value ?? ""];
    const reply = await store.run(fencedWrite, [key], args, { deadlineMs: 0 });
    if (Array.isArray(reply) && (reply[0] === 1 || reply[0] === 0)) return reply[0] === 1;
    throw new StoreReplyError({ operation: fencedWrite.name, received: reply });
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
      if (stored === null) return null;
      try {
        if (fence < 0) throw new Error("The fence is no number");
        return { fence, value: codec.decode(stored.subarray(1), stored[0] as number) as T };
      } catch {
        // Without the error, which may quote the value.
        logger.warn({ resource }, "A fenced value is damaged; it is read as none");
        return null;
      }
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
