import type { Duration } from "@crm/cache-core";
import type { Lock } from "../lock.ts";
import { resolveTtl } from "../options.ts";
import type { Hold } from "./hold.ts";

/** A handle on a hold. Several may share one, by re-entrancy: each is released once. */
export function makeHandle(hold: Hold): Lock {
  let released = false;
  let releasing: Promise<boolean> | undefined;

  function release(): Promise<boolean> {
    if (released) return Promise.resolve(false);
    released = true;
    releasing = hold.release();
    return releasing;
  }

  return {
    name: hold.place.name,
    value: hold.token,
    fence: hold.fence,
    get signal() {
      return hold.signal;
    },
    get held() {
      return !released && hold.held;
    },
    async extend(ttl?: Duration) {
      return hold.extend(ttl === undefined ? undefined : resolveTtl(ttl));
    },
    release,
    async [Symbol.asyncDispose]() {
      // What the block returned or threw must not be replaced; the failure is an event, and is tried again.
      await (released ? releasing : release())?.catch(() => {});
    },
  };
}
