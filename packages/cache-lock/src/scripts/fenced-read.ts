import type { AtomicOperation } from "@crm/cache-core";

/** Replies `[fence, value or nil]` of a fenced resource; `[0, nil]` without one, -1 for a fence that is damaged. Changes nothing. */
export const fencedRead: AtomicOperation = {
  name: "fencedRead",
  lua: `
-- KEYS: resource. Atomic: one look. O(1).
return {tonumber(redis.call('HGET', KEYS[1], 'f') or 0) or -1, redis.call('HGET', KEYS[1], 'v')}
`,
  run(db, keys) {
    const key = keys[0] as string;
    const fence = Number(db.hget(key, "f")?.toString() ?? 0);
    return [Number.isNaN(fence) ? -1 : fence, db.hget(key, "v")];
  },
};
