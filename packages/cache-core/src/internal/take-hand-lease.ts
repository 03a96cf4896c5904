import type { Duration } from "../duration.ts";
import { parseEntry } from "../entry.ts";
import { UndefinedValueError } from "../errors.ts";
import type { Lease } from "../lease.ts";
import type { SetOptions } from "../options.ts";
import { resolveSetOptions } from "../resolve-options.ts";
import type { Shared } from "./shared.ts";
import { spread } from "./spread.ts";

/** A lease that its holder forgets is renewed no longer than this. */
const LONGEST_HAND_LEASE_MS = 60_000;
const TAKEOVER_SLACK_MS = 20;

/** Takes the lease of a key for a fill by hand, or finds a fresh value; waits while somebody else fills. */
export async function takeHandLease<T>(
  shared: Shared,
  key: string,
  full: string,
  prefix: string,
): Promise<Lease<T>> {
  const { access, wakeUps, livenessMs, pending, payloads, clock, closing } = shared;
  const token = access.leases.nextToken();
  let waiter = "";
  let known = -1;
  while (!closing.aborted && !pending.covers(full, null)) {
    const wait = waiter === "" ? undefined : wakeUps.expect(full);
    try {
      const taken = await access.leases.take(full, token, livenessMs, waiter, known).catch(() => undefined);
      if (taken === undefined) break;
      if (taken.kind === "granted") return granted<T>(shared, key, full, prefix, token);
      if (taken.kind === "found") {
        const found = open(taken.entry, payloads);
        if (found !== undefined) return heldLease<T>(shared, key, found.value as T);
        // What looks usable to the store and is not: to be overwritten.
        known = Number.MAX_SAFE_INTEGER;
        continue;
      }
      if (wait === undefined) {
        if (await wakeUps.listen()) waiter = access.processId;
        else await new Promise<void>((resolve) => clock.after(25, resolve));
        continue;
      }
      await new Promise<void>((resolve) => {
        const cancel = clock.after(taken.livenessMs + TAKEOVER_SLACK_MS, resolve);
        void wait.outcomeOf(taken.token).then(() => {
          cancel();
          resolve();
        });
      });
    } finally {
      wait?.end();
    }
  }
  // Without the store nothing can be filled safely, so nothing is; and nothing by a cache that is closed.
  return heldLease<T>(shared, key, undefined);
}

function open(bytes: Buffer, payloads: Shared["payloads"]): { value: unknown } | undefined {
  const entry = parseEntry(bytes);
  if (entry === null || entry.codecId !== payloads.codec.id) return undefined;
  try {
    return { value: payloads.unpack(entry) };
  } catch {
    return undefined;
  }
}

/** A lease that has nothing to give up: there is a value, or no store. What is wrong with a fill is said all the same. */
export function heldLease<T>(shared: Shared, key: string, value: T | undefined): Lease<T> {
  return {
    key,
    value,
    async fill(filled: T, options?: Duration | SetOptions): Promise<boolean> {
      if (filled === undefined) throw new UndefinedValueError({ key });
      resolveSetOptions(options, shared.defaults);
      return false;
    },
    release: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

function granted<T>(shared: Shared, key: string, full: string, prefix: string, token: string): Lease<T> {
  const { access, clock, livenessMs, payloads, defaults, random, closing, fills } = shared;
  const takenAt = clock.monotonic();
  let ended = false;
  let cancel: () => void = () => {};
  const renewSoon = (): void => {
    cancel = clock.after(livenessMs / 3, () => {
      if (clock.monotonic() - takenAt > LONGEST_HAND_LEASE_MS) return letGo();
      access.leases.renew(full, token, livenessMs).then(
        (standing) => {
          if (!standing) letGo();
          else if (!ended) renewSoon();
        },
        () => {
          if (!ended) renewSoon();
        },
      );
    });
  };
  renewSoon();
  /** Nothing is left to renew or to give back; a lease that its holder has forgotten holds no memory. */
  function letGo(): void {
    cancel();
    closing.removeEventListener("abort", onClose);
  }
  const end = (): boolean => {
    if (ended) return false;
    ended = true;
    letGo();
    return true;
  };
  const release = async (): Promise<void> => {
    // Nothing is known of the value: whoever waited for it asks again.
    if (end()) await access.leases.release(full, token, "r").catch(() => {});
  };
  // Nobody else is to wait for a holder that can fill no more.
  function onClose(): void {
    void fills.follow(release());
  }
  if (closing.aborted) onClose();
  else closing.addEventListener("abort", onClose, { once: true });
  return {
    key,
    value: undefined,
    async fill(value: T, options?: Duration | SetOptions): Promise<boolean> {
      if (value === undefined) throw new UndefinedValueError({ key });
      const { entry, tags: given } = resolveSetOptions(options, defaults);
      const tags = given.map((tag) => prefix + tag);
      const parts = payloads.pack(key, value, tags, clock.monotonic() - takenAt);
      if (!end()) return false;
      const freshMs = spread(entry.ttlMs, entry.jitter, random);
      const put = { key: full, freshMs, totalMs: freshMs + entry.staleMs, parts, tags };
      return access.leases.fill(put, token).catch(() => false);
    },
    release,
    [Symbol.asyncDispose]: release,
  };
}
