import type { CacheEntry } from "@crm/cache-core";
import type { Look } from "../meter-events.ts";
import { structurallyEqual } from "../structurally-equal.ts";

/** A look that differs, with what it saw; or any other, without. */
export type Sight =
  | { readonly result: "differs"; readonly entry: CacheEntry; readonly source: unknown }
  | { readonly result: Exclude<Look["result"], "differs"> };

/** What a look needs. */
export interface LookOptions {
  readonly lookup: (key: string) => Promise<CacheEntry | undefined>;
  readonly source: (key: string) => unknown;
  readonly equals: (cached: unknown, source: unknown) => boolean;
}

/**
 * Compares an entry with its source, without being misled by what happens meanwhile. The order decides: the entry, the
 * source, the entry once more. Only an entry that was there before the source was read and is the same one afterwards can
 * differ; one that was written while we looked says nothing.
 */
export async function lookAtEntry(key: string, { lookup, source, equals }: LookOptions): Promise<Sight> {
  const before = await lookup(key);
  if (before === undefined) return { result: "absent" };
  if (before.state === "stale") return { result: "stale" };
  const truth = await source(key);
  if (truth === undefined) return { result: "unknown" };
  if (equals(before.value, truth)) return { result: "equal" };
  const after = await lookup(key);
  if (after === undefined || !sameEntry(before, after)) return { result: "moving" };
  return { result: "differs", entry: after, source: truth };
}

/** Whether it is the one that was written then, and not a later one. */
export function sameEntry(a: CacheEntry, b: CacheEntry): boolean {
  const sameMoment = a.createdAt.getTime() === b.createdAt.getTime();
  return sameMoment && a.state === b.state && structurallyEqual(a.value, b.value);
}
