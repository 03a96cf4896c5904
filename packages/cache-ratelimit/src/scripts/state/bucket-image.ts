import type { MemoryDatabase } from "@crm/cache-core";
import { LONGEST_MS, MAX_COUNT } from "../plan.ts";
import { packed, stringAt, whole } from "./bytes.ts";

const BUCKET_TAG = 0x62;
const BUCKET_BYTES = 25;

/** The state of a bucket: what is owed at a moment, in units of which a cost of 1 weighs `weight`. */
export interface BucketImage {
  readonly at: number;
  readonly owed: number;
  readonly weight: number;
}

/** In a loop over `raw`, with `decode` and `now`: `at`, `owed` and `weight`, or the script ends without a reply. */
export const LUA_DECODE_BUCKET: string = `if #raw ~= ${BUCKET_BYTES} then return false end
    local tag, at, owed, weight = decode('>Bddd', raw)
    if tag ~= ${BUCKET_TAG} or not (at >= 0 and at <= now and owed >= 0 and owed <= ${MAX_COUNT} and weight >= 1
      and weight <= ${LONGEST_MS}) or at % 1 ~= 0 or owed % 1 ~= 0 or weight % 1 ~= 0 then return false end`;

/** The bytes of a state with `pack`. */
export const LUA_PACK_BUCKET: string = `pack('>Bddd', ${BUCKET_TAG}, now, owed, weight)`;

/** A bucket as it stands; `null` where there is none, `undefined` where `checkLimits` has to be asked. */
export function readBucket(db: MemoryDatabase, key: string, now: number): BucketImage | null | undefined {
  const raw = stringAt(db, key);
  // What is no string counts as no state.
  if (!raw) return null;
  if (raw.length !== BUCKET_BYTES || raw[0] !== BUCKET_TAG) return undefined;
  const [at, owed, weight] = [raw.readDoubleBE(1), raw.readDoubleBE(9), raw.readDoubleBE(17)];
  const isUsable =
    whole(at) && at <= now && whole(owed) && whole(weight) && weight >= 1 && weight <= LONGEST_MS;
  return isUsable ? { at, owed, weight } : undefined;
}

export function writeBucket(db: MemoryDatabase, key: string, image: BucketImage, until: number): void {
  db.set(key, packed(BUCKET_TAG, image.at, image.owed, image.weight), until);
}
