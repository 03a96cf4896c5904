import type { MemoryDatabase } from "../../memory-database.ts";
import type { Keyspace } from "./keyspace.ts";
import { notAnInteger } from "./reply-error.ts";

type KeyCommands = Pick<MemoryDatabase, "nowMs" | "exists" | "dbsize" | "del" | "pttl" | "pexpireat">;

export function keyCommands(keyspace: Keyspace): KeyCommands {
  return {
    nowMs: () => keyspace.nowMs(),
    exists: (key) => keyspace.any(key) !== undefined,

    dbsize() {
      keyspace.sweepExpired(Infinity);
      return keyspace.size;
    },

    del(key) {
      const slot = keyspace.any(key);
      if (slot === undefined) return false;
      keyspace.remove(slot);
      return true;
    },

    pttl(key) {
      const slot = keyspace.any(key);
      if (slot === undefined) return -2;
      return slot.expireAtMs === Infinity ? -1 : Math.max(0, slot.expireAtMs - Math.floor(keyspace.nowMs()));
    },

    pexpireat(key, atMs, gt = false) {
      if (!Number.isSafeInteger(atMs)) throw notAnInteger();
      const slot = keyspace.any(key);
      if (slot === undefined || (gt && atMs <= slot.expireAtMs)) return false;
      keyspace.expireAt(slot, atMs);
      return true;
    },
  };
}
