import type { MemoryDatabase } from "@crm/cache-core";
import { LONGEST_MS, MAX_COUNT } from "../plan.ts";
import { BUCKET_BYTES } from "./bucket.ts";
import { packed, stringAt, whole } from "./bytes.ts";

export const BUCKET_TAG = 0x62;

/** The state of a bucket: what is owed at a moment, in units of which a cost of 1 weighs `weight`. */
export interface BucketImage {
  readonly at: number;
  readonly owed: number;
  readonly weight: number;
  /** When the key expires. */
  readonly until: number;
}

/** With `decode`, `now` and a string `raw`: `at`, `owed`, `weight` and `til`; `owed` is nil where `checkLimits` has to be asked. */
export const LUA_DECODE_BUCKET: string = `local tag, at, owed, weight, til
    if #raw == ${BUCKET_BYTES} then tag, at, owed, weight, til = decode('>Bdddd', raw) end
    if tag ~= ${BUCKET_TAG} or not (at >= 0 and at <= now and owed >= 0 and owed <= ${MAX_COUNT} and weight >= 1
      and weight <= ${LONGEST_MS} and til >= 0 and til <= ${MAX_COUNT})
      or at % 1 ~= 0 or owed % 1 ~= 0 or weight % 1 ~= 0 or til % 1 ~= 0 then owed = nil end`;

/** The bytes of a state with `pack`. */
export const LUA_PACK_BUCKET: string = `pack('>Bdddd', ${BUCKET_TAG}, now, owed, weight, til)`;

/** A bucket as it stands; `null` where there is none, `undefined` where `checkLimits` has to be asked. */
export function readBucket(db: MemoryDatabase, key: string, now: number): BucketImage | null | undefined {
  const raw = stringAt(db, key);
  // What is no string counts as no state.
  if (!raw) return null;
  if (raw.length !== BUCKET_BYTES || raw[0] !== BUCKET_TAG) return undefined;
  const [at, owed] = [raw.readDoubleBE(1), raw.readDoubleBE(9)];
  const [weight, until] = [raw.readDoubleBE(17), raw.readDoubleBE(25)];
  const isUsable = [at, owed, weight, until].every(whole) && at <= now && weight >= 1 && weight <= LONGEST_MS;
  return isUsable ? { at, owed, weight, until } : undefined;
}

/** Writes a state. `kept`: the key has its expiry already. */
export function writeBucket(db: MemoryDatabase, key: string, image: BucketImage, kept: boolean): void {
  const bytes = packed(BUCKET_TAG, image.at, image.owed, image.weight, image.until);
  if (kept) db.setrange(key, 0, bytes);
  else db.set(key, bytes, image.until);
}
