import { payloadBytes } from "../entry.ts";
import type { BatchFetcher } from "../fetcher.ts";
import { holdProcess } from "../hold-process.ts";
import type { RefillResult } from "../refill.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import { eachOf } from "./each-of.ts";
import type { Fetched, FetchRequest } from "./fetcher-call.ts";
import { withMore } from "./fills.ts";
import type { StoredParts } from "./flight.ts";
import { readBatchAnswer } from "./read-batch-answer.ts";
import type { Shared } from "./shared.ts";
import { spread } from "./spread.ts";

/**
 * Keys of a large batch whose leases are taken or whose values are stored at once: some scripts are then under way. All at
 * once, the last of them would wait for the others longer than a call may take.
 */
export const KEYS_AT_ONCE = 128;

/** A key that is to be fetched with others. */
export interface BatchKey {
  readonly key: string;
  readonly full: string;
  /** Its lease; `null`: the store is away, so nothing can be stored. */
  readonly token: string | null;
}

/** What the fetch of a batch needs to know. Tags are full names. */
export interface BatchRequest {
  readonly fetcher: BatchFetcher<unknown>;
  readonly options: ResolvedEntryOptions;
  readonly tags: readonly string[];
  /** The scope's part of names, put before the tags that the fetcher tracks. */
  readonly scopePrefix: string;
  /** Nobody waits for the values: what the store does not take in time is offered again. */
  readonly background: boolean;
}

/** What became of one key of a batch. */
export interface BatchFill extends RefillResult {
  readonly value: unknown;
  /** What the store accepted. */
  readonly stored?: StoredParts | undefined;
}

/**
 * Fetches keys in one call of the fetcher, and stores each under its own lease: what was written or invalidated since is not
 * overwritten. Every lease is given up. Rejects with the fetcher's error; a value that cannot be stored fails its key alone.
 */
export async function fillBatch(
  shared: Shared,
  request: BatchRequest,
  own: readonly BatchKey[],
): Promise<BatchFill[]> {
  const { access, fills, payloads, random, renewals, store, keys: space } = shared;
  const { options, background } = request;
  for (const { full, token } of own) if (token !== null) renewals.keep(full, token);
  let { tags } = request;
  let inVain = false;
  const giveBack = async ({ full, token }: BatchKey, outcome: "e" | "n" | "u"): Promise<void> => {
    if (token !== null) await access.leases.release(full, token, outcome, tags).catch(() => {});
  };
  try {
    let values: ReadonlyMap<string, unknown>;
    let costMs = 0;
    try {
      const wanted = own.map(({ key }) => key);
      const fetched = await fetchBatch(shared, request, own, wanted);
      // Which row went into which value is not known: each depends on all.
      tags = withMore(tags, fetched.tags);
      values = readBatchAnswer(fetched.value, wanted);
      if (options.earlyRefresh > 0) costMs = fetched.tookMs / own.length;
    } catch (error) {
      await eachOf(own, (each) => giveBack(each, "e"), KEYS_AT_ONCE);
      throw error;
    }
    return await eachOf(own, (each) => fill(each, values.get(each.key), costMs), KEYS_AT_ONCE);
  } finally {
    for (const { token } of own) if (token !== null) renewals.drop(token);
  }

  async function fill(each: BatchKey, value: unknown, costMs: number): Promise<BatchFill> {
    const { key, full, token } = each;
    if (value === undefined || (value === null && options.nullMs === 0)) {
      await giveBack(each, value === null ? "n" : "u");
      return { value, ...ended("empty") };
    }
    const freshMs = spread(value === null ? options.nullMs : options.ttlMs, options.jitter, random);
    const totalMs = freshMs + (value === null ? 0 : options.staleMs + options.failSafeMs);
    let stored: StoredParts;
    try {
      stored = { parts: payloads.pack(key, value, tags, costMs), freshMs, totalMs, tags };
    } catch (error) {
      await giveBack(each, "e");
      return { value, ...ended("failed"), error };
    }
    if (token === null) return { value, ...ended("unavailable") };
    try {
      const accepted = await access.leases.fill({ key: full, ...stored }, token, background);
      fills.tellOutcome(key, accepted);
      if (!accepted) return { value, ...ended("refused") };
    } catch {
      if (!background || !(await offerAgain(key, full, token, stored)))
        return { value, ...ended("unavailable") };
    }
    const freshUntil = store.serverNow(space.entry(full)) + freshMs;
    return { value, stored, ...ended("stored", payloadBytes(stored.parts), freshUntil) };
  }

  /** Nobody waits for it, so the source need not be asked again. Once one was offered in vain the others are not. */
  async function offerAgain(key: string, full: string, token: string, stored: StoredParts): Promise<boolean> {
    if (inVain) {
      access.leases.giveUp(full, token);
      return false;
    }
    const taken = await fills.storeAgain({ key: full, publicKey: key, signal: undefined }, token, stored);
    inVain ||= !taken;
    return taken;
  }
}

function fetchBatch(
  shared: Shared,
  request: BatchRequest,
  own: readonly BatchKey[],
  keys: readonly string[],
): Promise<Fetched> {
  const { clock, closing, fills } = shared;
  const { fetcher, options, background, scopePrefix } = request;
  const release = options.hardMs > 0 && !background ? holdProcess() : () => {};
  const call: FetchRequest = {
    key: keys[0] as string,
    fetches: { of: fills, keys: own.map(({ full }) => full) },
    fetcher: ({ signal }) => fetcher(keys, { signal }),
    previous: undefined,
    hardMs: options.hardMs,
    closing,
    clock,
  };
  return fills.fetch(call, background, scopePrefix).finally(release);
}

/** How a refill ended. */
export function ended(outcome: RefillResult["outcome"], bytes = 0, freshUntil = 0): RefillResult {
  return { outcome, bytes, freshUntil };
}
