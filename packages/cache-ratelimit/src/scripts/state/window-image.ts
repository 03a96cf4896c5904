import type { MemoryDatabase } from "@crm/cache-core";
import { LONGEST_MS, MAX_COUNT } from "../plan.ts";
import { isWindow, packed, stringAt, whole } from "./bytes.ts";

/** The first byte of the state of a fixed window, and how long it is. */
export const WINDOW_TAG = 0x66;
export const WINDOW_BYTES = 25;

/** The state of a fixed window that has begun. */
export interface WindowImage {
  readonly count: number;
  /** When it ends. */
  readonly finish: number;
  readonly windowMs: number;
}

/** With `decode`, `now` and a string `raw`: `count` and `finish`, both nil where `checkLimits` has to be asked. */
export const LUA_DECODE_WINDOW: string = `local tag, count, finish, window
    if #raw == ${WINDOW_BYTES} then tag, count, finish, window = decode('>Bddd', raw) end
    if tag ~= ${WINDOW_TAG} or not (finish > now and finish - window <= now and window >= 1 and window <= ${LONGEST_MS}
      and count >= 0 and count <= ${MAX_COUNT}) or count % 1 ~= 0 or window % 1 ~= 0 or finish % 1 ~= 0 then count, finish = nil, nil end`;

/** A window as it stands; `null` where none has begun, `undefined` where `checkLimits` has to be asked. */
export function readImage(db: MemoryDatabase, key: string, now: number): WindowImage | null | undefined {
  const raw = stringAt(db, key);
  // What is no string counts as no state.
  if (!raw) return null;
  if (raw.length !== WINDOW_BYTES || raw[0] !== WINDOW_TAG) return undefined;
  const [count, finish, windowMs] = [raw.readDoubleBE(1), raw.readDoubleBE(9), raw.readDoubleBE(17)];
  const usable =
    finish > now && finish - windowMs <= now && isWindow(windowMs) && whole(count) && finish % 1 === 0;
  return usable ? { count, finish, windowMs } : undefined;
}

/** Writes the state of a window that has begun, or changes what is there and keeps its expiry. */
export function writeImage(db: MemoryDatabase, key: string, image: WindowImage, stored: boolean): void {
  const bytes = packed(WINDOW_TAG, image.count, image.finish, image.windowMs);
  if (stored) db.setrange(key, 0, bytes);
  else db.set(key, bytes, image.finish);
}
