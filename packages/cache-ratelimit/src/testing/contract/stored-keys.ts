import type { AtomicOperation, Cache } from "@crm/cache-core";

/** Where a limiter keeps what it counts for a subject. */
export function keyOf(cache: Cache, part: string, subject: string): string {
  const { keys, prefix } = cache.internals;
  return `${keys.base}q${keys.hashTag(keys.bucketOf(prefix + subject))}:${part}:${prefix}${subject}`;
}

export const inspect: AtomicOperation = {
  name: "contract:inspect",
  lua: "local raw = redis.pcall('GET', KEYS[1]) return {type(raw) == 'string' and raw or false, redis.call('PTTL', KEYS[1])}",
  run(db, [key = ""]) {
    try {
      return [db.get(key), db.pttl(key)];
    } catch {
      return [null, db.pttl(key)];
    }
  },
};

export const persist: AtomicOperation = {
  name: "contract:persist",
  lua: "return redis.call('PERSIST', KEYS[1])",
  run(db, [key = ""]) {
    const bytes = db.get(key);
    if (bytes !== null) db.set(key, bytes);
    return 1;
  },
};

export const makeForeign: AtomicOperation = {
  name: "contract:foreign",
  lua: "redis.call('DEL', KEYS[1]) return redis.call('HSET', KEYS[1], 'a', 'b')",
  run(db, [key = ""]) {
    db.del(key);
    db.hset(key, "a", Buffer.from("b"));
    return 1;
  },
};
