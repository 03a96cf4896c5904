import type { KeySpace } from "@crm/cache-core";

/** Kinds of lock do not meet, whatever their names: mutex, semaphore, read-write lock. */
export type LockKind = "m" | "s" | "r";

/** Where a lock lies: the three keys of its state, in one slot. */
export interface LockPlace {
  /** As the caller calls it. */
  readonly name: string;
  /** Holders, state, queue. */
  readonly keys: readonly [holders: string, state: string, queue: string];
}

/** `name` as the caller knows it; `prefix` is the scope's part of every name. */
export function placeOf(keys: KeySpace, kind: LockKind, prefix: string, name: string): LockPlace {
  const full = prefix + name;
  const hashTag = keys.hashTag(keys.bucketOf(full));
  const end = `${hashTag}:${kind}:${full}`;
  const { base } = keys;
  return { name, keys: [`${base}kh${end}`, `${base}ks${end}`, `${base}kq${end}`] };
}

/** Where a value lies that fences guard. */
export function fencedKey(keys: KeySpace, prefix: string, resource: string): string {
  const full = prefix + resource;
  return `${keys.base}kf${keys.hashTag(keys.bucketOf(full))}:${full}`;
}
